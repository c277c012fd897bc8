/** PEM (RFC 7468, strict grammar, with explanatory text between the blocks as OpenSSL writes it). */
import { fromBase64, toBase64 } from './base64.ts';
import { BytesError } from './error.ts';

export interface PemBlock {
  readonly label: string;
  readonly bytes: Uint8Array;
}

const MAX_PEM_CHARACTERS = 1 << 20;
const MAX_BLOCKS = 64;

/**
 * The blocks of a PEM text, in their order. Lines outside the blocks are passed over.
 * @throws BytesError PEM_INVALID or TOO_LARGE
 */
export function parsePem(text: string, what = 'PEM text'): PemBlock[] {
  if (text.length > MAX_PEM_CHARACTERS)
    throw new BytesError('TOO_LARGE', `${what}: more than ${MAX_PEM_CHARACTERS} characters.`);
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let body = '';
  // A NUL at the end comes with PEM that was a C string.
  for (const line of text.replace(/\0$/, '').split(/\r\n|\n|\r/)) {
    const boundary = /^-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----[ \t]*$/.exec(line);
    if (!boundary) {
      if (line.includes('-----')) throw invalid(what, 'a boundary line is damaged');
      if (label !== undefined) body += line.replaceAll(/^[ \t]+|[ \t]+$/g, '');
    } else if (boundary[1] === 'BEGIN') {
      if (label !== undefined) throw invalid(what, `a block begins within the block ${label}`);
      label = boundary[2];
      body = '';
    } else {
      if (label !== boundary[2]) throw invalid(what, `a block ${boundary[2]!} ends that did not begin`);
      blocks.push({ label: label!, bytes: fromBase64(body, `${what}, block ${blocks.length + 1}`) });
      if (blocks.length > MAX_BLOCKS)
        throw new BytesError('TOO_LARGE', `${what}: more than ${MAX_BLOCKS} blocks.`);
      label = undefined;
    }
  }
  if (label !== undefined) throw invalid(what, `the block ${label} does not end`);
  return blocks;
}

/** The blocks with that label; at least one. @throws BytesError PEM_INVALID or TOO_LARGE */
export function parsePemBlocks(text: string, label: string, what = 'PEM text'): Uint8Array[] {
  const blocks = parsePem(text, what);
  const other = blocks.find((block) => block.label !== label);
  if (other) throw invalid(what, `expected blocks ${label}, found ${other.label}`);
  if (blocks.length === 0) throw invalid(what, `there is no block ${label}`);
  return blocks.map(({ bytes }) => bytes);
}

/** Lines of 64 characters, a line break at the end. */
export function formatPem(label: string, bytes: Uint8Array): string {
  const lines = toBase64(bytes).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function invalid(what: string, why: string): BytesError {
  return new BytesError('PEM_INVALID', `${what}: ${why}.`);
}
