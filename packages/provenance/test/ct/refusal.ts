/** What a refusal must look like: one of our typed errors, with the code that was announced. */
import assert from 'node:assert/strict';

/** The step must throw a typed error with the code. */
export async function refuses(code: string, step: () => unknown, what = 'it'): Promise<void> {
  let accepted: unknown;
  try {
    accepted = await step();
  } catch (error) {
    assert.match(
      (error as Error).name,
      /^(Provenance|X509|Bytes)Error$/,
      `${what}: an untyped error: ${String(error)}`,
    );
    assert.equal((error as { code?: string }).code, code, `${what}: ${String(error)}`);
    return;
  }
  assert.fail(`${what}: expected ${code}, but it was accepted: ${typeof accepted}`);
}

/** A copy with one bit flipped; bit 0 is the lowest of byte 0. */
export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}
