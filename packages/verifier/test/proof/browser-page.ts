/** What the browser loads: the suites of proof files, and a source over the browser's own fetch. */
import { browserFetch, createNetworkSource } from '../../src/sources/index.ts';
import { suites } from './suites.ts';

declare global {
  var runProofCase: (suite: string, name: string) => Promise<string | undefined>;
  var askFor: (url: string) => Promise<string>;
}

/** @returns what went wrong, or nothing */
globalThis.runProofCase = async (suiteName, caseName) => {
  const found = suites.find(({ name }) => name === suiteName)?.cases.find(({ name }) => name === caseName);
  if (!found) return `there is no case "${caseName}" in "${suiteName}"`;
  try {
    await found.run({ long: false, fixture: () => Promise.reject(new Error('no fixtures here')) });
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
};

/** @returns the code of the failure, or "ok" and the number of bytes */
globalThis.askFor = async (url) => {
  const timeouts = { headersMs: 10_000, chunkMs: 1000, totalMs: 20_000 };
  const source = createNetworkSource({ fetch: browserFetch(fetch), attempts: 1, timeouts });
  const answer = await source.get({ kind: 'endpoint-document', url });
  return answer.ok ? `ok ${answer.bytes.length}` : answer.code;
};
