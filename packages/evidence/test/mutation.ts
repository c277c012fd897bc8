/** Damage to bytes, the same at each run. */
import { codeOf, ExpectationError } from './suite.ts';

/** A generator of 32-bit numbers from a seed (xorshift32, Marsaglia 2003). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** A copy with one bit flipped; bit 0 is the lowest of byte 0. */
export function withBitFlipped(bytes: Uint8Array, bit: number): Uint8Array {
  // Not slice(): of a Node Buffer that is no copy.
  const flipped = new Uint8Array(bytes);
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

const MAX_DAMAGES = 8;
const MAX_DOUBLED_BYTES = 64;

/** A copy with one to eight random damages: bits, bytes, extreme values, cuts, doublings, removals. */
export function mutated(bytes: Uint8Array, random: () => number): Uint8Array {
  // With room for what doublings add: a hundred thousand copies of copies would take longer than what they test.
  const room = new Uint8Array(bytes.length + MAX_DAMAGES * MAX_DOUBLED_BYTES);
  room.set(bytes);
  let length = bytes.length;
  for (let count = 1 + (random() % MAX_DAMAGES); count > 0; count--) {
    const at = length > 0 ? random() % length : 0;
    switch (random() % 7) {
      case 0:
        if (length > 0) room[at]! ^= 1 << (random() % 8);
        break;
      case 1:
        if (length > 0) room[at] = random() & 0xff;
        break;
      case 2:
        room.fill([0x00, 0xff, 0x80, 0x7f][random() % 4]!, at, Math.min(length, at + 1 + (random() % 8)));
        break;
      case 3:
        length = at;
        break;
      case 4: {
        const pieceBytes = Math.min(1 + (random() % MAX_DOUBLED_BYTES), length - at);
        room.copyWithin(at + pieceBytes, at, length);
        length += pieceBytes;
        break;
      }
      case 5: {
        const end = Math.min(length, at + 1 + (random() % 16));
        room.copyWithin(at, end, length);
        length -= end - at;
        break;
      }
      default: {
        const from = length > 0 ? random() % length : 0;
        const end = Math.min(from + 1 + (random() % 32), length, from + length - at);
        room.copyWithin(at, from, end);
      }
    }
  }
  return room.slice(0, length);
}

/**
 * Runs a step whose errors are many and expected: most of what a refusal costs is the trace of its stack, and nobody
 * reads these.
 */
export async function withoutStacks<T>(step: () => Promise<T>): Promise<T> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await step();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * Feeds a parser mutants of the seeds: whatever it says must be an answer or a typed error, within a time that no
 * honest input comes near. The time is not a performance figure: it catches loops that hostile lengths drive.
 */
export async function fuzz(
  seeds: readonly Uint8Array[],
  count: number,
  parse: (bytes: Uint8Array) => unknown,
  seed = 20261125,
): Promise<void> {
  const random = randomNumbers(seed);
  await withoutStacks(async () => {
    for (let round = 0; round < count; round++) {
      const bytes = mutated(seeds[round % seeds.length]!, random);
      const start = performance.now();
      try {
        // What answers at once is not waited for: that would cost as much as some parsers do.
        const answer = parse(bytes);
        if (answer instanceof Promise) await answer;
      } catch (error) {
        if (codeOf(error) === undefined)
          throw new ExpectationError(`mutant ${round}: an untyped error: ${String(error)}`, { cause: error });
      }
      const elapsedMs = performance.now() - start;
      // A pause of the machine is no loop: the same mutant must be slow again.
      if (elapsedMs > 50 && (await isSlow(parse, bytes)))
        throw new ExpectationError(`mutant ${round} takes over 50 ms each time`);
    }
  });
}

async function isSlow(parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array): Promise<boolean> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const start = performance.now();
    try {
      await parse(bytes);
    } catch {
      // Judged above.
    }
    if (performance.now() - start <= 50) return false;
  }
  return true;
}
