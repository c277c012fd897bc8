/**
 * Names and paths of an image are bytes; this is how they are shown as text, and read back.
 *
 * Well-formed UTF-8 is shown as it is. A backslash, a control character (C0, DEL, C1) and every byte that is no part of
 * well-formed UTF-8 are shown as `\xNN`, two lower-case hexadecimal digits a byte. So two different names never look
 * the same, no name can steer a terminal, and {@link pathToBytes} is the exact inverse of {@link bytesToPath}.
 */

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

// eslint-disable-next-line no-control-regex -- Control characters are what is looked for.
const NEEDS_ESCAPE = /[\\\u0000-\u001f\u007f-\u009f]/gu;
const ESCAPE = /\\x([0-9a-f]{2})/gu;

/** The text of a name or path. */
export function bytesToPath(bytes: Uint8Array): string {
  const whole = decodeStrictly(bytes);
  if (whole !== undefined) return escapeCharacters(whole);
  let text = '';
  for (let i = 0; i < bytes.length;) {
    const lengthBytes = sequenceLengthBytes(bytes[i]!);
    const character = lengthBytes === 0 ? undefined : decodeStrictly(bytes.subarray(i, i + lengthBytes));
    if (character === undefined) {
      text += escapeByte(bytes[i]!);
      i += 1;
    } else {
      text += escapeCharacters(character);
      i += lengthBytes;
    }
  }
  return text;
}

/**
 * The bytes of a name or path: `\xNN` is a byte, everything else is UTF-8; a backslash that begins no `\xNN` is itself.
 * Half a surrogate pair becomes U+FFFD, as in every encoder of the web.
 */
export function pathToBytes(path: string): Uint8Array {
  if (!path.includes('\\')) return utf8.encode(path);
  const bytes: number[] = [];
  let doneUpTo = 0;
  for (const match of path.matchAll(ESCAPE)) {
    bytes.push(...utf8.encode(path.slice(doneUpTo, match.index)), Number.parseInt(match[1]!, 16));
    doneUpTo = match.index + match[0].length;
  }
  bytes.push(...utf8.encode(path.slice(doneUpTo)));
  return Uint8Array.from(bytes);
}

function decodeStrictly(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** How many bytes a UTF-8 sequence with this first byte has (RFC 3629 §3); 0 if none begins so. */
function sequenceLengthBytes(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

function escapeCharacters(text: string): string {
  return text.replace(NEEDS_ESCAPE, (character) => Array.from(utf8.encode(character), escapeByte).join(''));
}

function escapeByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
