/** What the tests of this folder expect of a refusal, and damage of a document's JSON. */
/* eslint-disable @typescript-eslint/no-unsafe-assignment -- documents are damaged anywhere, also where types say that nothing is */
import assert from 'node:assert/strict';
import { decodeUtf8, utf8 } from '@vitrine/bytes';
import { VerifierError } from '../../src/error.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a stranger's JSON, to be damaged anywhere
export type Json = any;

export async function refused(step: () => unknown, code: string, about?: RegExp): Promise<void> {
  await assert.rejects(Promise.resolve().then(step), (error) => {
    assert.ok(error instanceof VerifierError, `an untyped error: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    if (about) assert.match(error.message, about);
    return true;
  });
}

/** A copy of the document, changed. */
export function altered(document: Uint8Array, change: (json: Json) => void): Uint8Array {
  const json = JSON.parse(decodeUtf8(document));
  change(json);
  return utf8(JSON.stringify(json));
}

/** A copy of the document's text, changed. */
export function textAltered(document: Uint8Array, from: string | RegExp, to: string): Uint8Array {
  const before = decodeUtf8(document);
  const after = before.replace(from, to);
  assert.notEqual(after, before, 'nothing was changed');
  return utf8(after);
}
