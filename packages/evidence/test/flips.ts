/** Bits flipped, each of which must be refused: by the whole of what verifies, and for every bit. */
import { withBitFlipped, withoutStacks } from './mutation.ts';
import { rememberingSignatures } from './remembered.ts';
import { ExpectationError, codeOf } from './suite.ts';

/** Side by side, since signatures are verified by other threads. */
const BATCH = 32;

/** All bits of a range of bytes. */
export function bitsOf(fromByte: number, toByte: number): number[] {
  return Array.from({ length: (toByte - fromByte) * 8 }, (_, at) => fromByte * 8 + at);
}

/** The lowest bit of each byte. */
export function lowestBitsOf(fromByte: number, toByte: number): number[] {
  return Array.from({ length: toByte - fromByte }, (_, at) => (fromByte + at) * 8);
}

/**
 * The undamaged bytes are accepted, and each damaged copy is refused with one of the codes. Signatures that a flip does
 * not touch are those of the undamaged bytes, and are verified once.
 * @param attempt may throw at once or later
 * @param stillAccepts says of an accepted one whether it says the same as the undamaged
 * @returns how many were refused with each code
 */
export async function refuseBits<T>(
  bytes: Uint8Array,
  bits: readonly number[],
  attempt: (damaged: Uint8Array) => T | Promise<T>,
  codes: readonly string[],
  stillAccepts: (result: T) => boolean = () => false,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const one = async (bit: number): Promise<void> => {
    let result: T;
    try {
      result = await attempt(withBitFlipped(bytes, bit));
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined || !codes.includes(code))
        throw new ExpectationError(`bit ${bit}: ${code ?? 'an untyped error'}: ${String(error)}`, {
          cause: error,
        });
      counts[code] = (counts[code] ?? 0) + 1;
      return;
    }
    if (!stillAccepts(result)) throw new ExpectationError(`bit ${bit} was flipped, and it was accepted`);
  };
  const all = async (): Promise<void> => {
    for (let at = 0; at < bits.length; at += BATCH) await Promise.all(bits.slice(at, at + BATCH).map(one));
  };
  await rememberingSignatures(
    async () => attempt(new Uint8Array(bytes)),
    () => withoutStacks(all),
  );
  return counts;
}
