/**
 * "dcode": bytes in DNS names of a certificate, so that its authority signs them and Certificate Transparency logs them.
 * Each name is two digits of its place, a piece of base32 (RFC 4648 section 6, lower case, no padding), and
 * `.<prefix>.<domain>`.
 */
import { ctError } from './error.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
/** Two digits count so far. */
const MAX_PIECES = 100;

/**
 * @param names DNS names of the certificate, those of other kinds among them
 * @param prefix the second label: "hpke", "hatt"
 * @returns the bytes; undefined where no name has the prefix
 * @throws ProvenanceError DCODE_MALFORMED: a place that is missing or occurs twice, different domains, no base32
 */
export function decodeDcode(names: readonly string[], prefix: string): Uint8Array | undefined {
  const pieces = names
    .map((name) => name.toLowerCase())
    .filter((name) => name.split('.')[1] === prefix)
    .map(readPiece);
  if (pieces.length === 0) return undefined;
  if (pieces.length > MAX_PIECES) throw malformed(prefix, `more than ${MAX_PIECES} names`);
  const sorted = pieces.sort((a, b) => a.place - b.place);
  if (sorted.some(({ place }, at) => place !== at))
    throw malformed(prefix, 'a place is missing or occurs twice');
  if (new Set(sorted.map(({ domain }) => domain)).size > 1)
    throw malformed(prefix, 'the names are of different domains');
  return fromBase32(sorted.map(({ text }) => text).join(''), prefix);

  function readPiece(name: string) {
    const [, digits, text, domain] = /^(\d\d)([a-z2-7]+)\.[^.]+(\..+)$/.exec(name) ?? [];
    if (digits === undefined || text === undefined || domain === undefined)
      throw malformed(prefix, 'a name is no place and piece of base32');
    return { place: Number(digits), text, domain };
  }
}

/** @param text of the alphabet */
function fromBase32(text: string, prefix: string): Uint8Array {
  // Whole bytes end after 2, 4, 5 or 7 characters of eight.
  if ([1, 3, 6].includes(text.length % 8))
    throw malformed(prefix, `${text.length} characters are no whole bytes`);
  const bytes: number[] = [];
  let pending = 0;
  let bits = 0;
  for (const character of text) {
    pending = ((pending << 5) | ALPHABET.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((pending >> bits) & 0xff);
  }
  if ((pending & ((1 << bits) - 1)) !== 0) throw malformed(prefix, 'unused bits are not zero');
  return Uint8Array.from(bytes);
}

function malformed(prefix: string, why: string) {
  return ctError('DCODE_MALFORMED', `dcode names of "${prefix}": ${why}.`);
}
