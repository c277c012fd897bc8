/** Typed errors of the packages below become rejections of the stage. */
import { EvidenceError } from '@vitrine/evidence';
import { MeasureError } from '@vitrine/measure/error';
import { ProvenanceError } from '@vitrine/provenance';
import { Rejection } from './stage.ts';

/**
 * Runs a step; a typed error's code becomes the rejection's.
 * @param codes names that the contract has for codes of ours; others pass as they are
 */
export async function rejecting<T>(
  step: () => T | Promise<T>,
  codes: Readonly<Record<string, string>> = {},
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!isTyped(error)) throw error;
    const own: string = error.code;
    const code = Object.hasOwn(codes, own) ? codes[own]! : own;
    throw new Rejection(code, error.message, { cause: error });
  }
}

function isTyped(error: unknown): error is EvidenceError | MeasureError | ProvenanceError {
  return error instanceof EvidenceError || error instanceof MeasureError || error instanceof ProvenanceError;
}
