/** Byte arrays: compared, joined, tested. */
import { toHex } from './hex.ts';

/** Same length and same bytes. Takes a time that depends on the length only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a[at]! ^ b[at]!;
  return difference === 0;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function isZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}

/** The last byte first. A copy: `slice` of Node's Buffer would be a view, and its reversal change the input. */
export function reversed(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes).reverse();
}

/** An unsigned integer of any length, the most significant byte first; no bytes are 0. */
export function bigEndian(bytes: Uint8Array): bigint {
  // By way of text, since shifting byte after byte takes a time that grows with the square of the length.
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}
