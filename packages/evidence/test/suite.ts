/** Tests that run in Node and in a browser alike: no node: import, no test runner; fixtures come through the context. */
import { equalBytes, toHex } from '@vitrine/bytes';

export interface SuiteContext {
  /** A file of the fixtures folder: "snp/milan-v2/report.bin". */
  readonly fixture: (path: string) => Promise<Uint8Array>;
  /** Thousands rather than hundreds: `npm run test:long`. */
  readonly long: boolean;
}

export interface Case {
  /** A sentence about behaviour. */
  readonly name: string;
  /** Skipped, with a message, where the fixtures folder is absent. */
  readonly needsFixtures?: boolean;
  /** Skipped, with a message, unless the run is long. */
  readonly onlyLong?: boolean;
  readonly run: (context: SuiteContext) => Promise<void> | void;
}

export interface Suite {
  readonly name: string;
  readonly cases: readonly Case[];
}

export class ExpectationError extends Error {
  override readonly name = 'ExpectationError';
}

/** Same bytes, or the same as JSON shows it (bigint and bytes included). */
export function expectEqual(found: unknown, expected: unknown, what = 'value'): void {
  const isSame =
    found instanceof Uint8Array && expected instanceof Uint8Array
      ? equalBytes(found, expected)
      : show(found) === show(expected);
  if (!isSame) throw new ExpectationError(`${what}: expected ${show(expected)}, found ${show(found)}`);
}

export function expectTrue(holds: boolean, what: string): void {
  if (!holds) throw new ExpectationError(`expected: ${what}`);
}

/**
 * The step must throw an error with one of the codes; anything else fails the case.
 * @returns the error's code
 */
export async function expectRefused(
  step: () => unknown,
  codes: string | readonly string[],
  what = 'step',
): Promise<string> {
  const allowed = typeof codes === 'string' ? [codes] : codes;
  try {
    await step();
  } catch (error) {
    const code = codeOf(error);
    if (code !== undefined && allowed.includes(code)) return code;
    throw new ExpectationError(
      `${what}: expected a refusal with ${allowed.join(' or ')}, found ${code ?? 'an untyped error'}: ${String(error)}`,
      { cause: error },
    );
  }
  throw new ExpectationError(`${what}: expected a refusal with ${allowed.join(' or ')}, but it was accepted`);
}

/** The code of one of our typed errors, else undefined. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^(Evidence|Bytes|X509|Measure|Provenance)Error$/.test(error.name) ? error.code : undefined;
}

function show(value: unknown): string {
  if (value === undefined) return 'undefined';
  return JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === 'bigint') return `${item}n`;
    if (item instanceof Uint8Array) return toHex(item);
    if (item instanceof Map) return [...(item as Map<unknown, unknown>)];
    return item;
  });
}
