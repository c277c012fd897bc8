/** What the browser loads: every suite, to be run case by case from outside. */
import { suites as measureSuites } from '../../measure/test/suites.ts';
import { suites as ctSuites } from '../../provenance/test/ct/suites.ts';
import { suites as sigstoreSuites } from '../../provenance/test/sigstore/suites.ts';
import type { SuiteContext } from './suite.ts';
import { suites as evidenceSuites } from './suites.ts';

const suites = [...evidenceSuites, ...measureSuites, ...ctSuites, ...sigstoreSuites];

declare global {
  var runCase: (suite: string, name: string, long: boolean) => Promise<string | undefined>;
}

/** @returns what went wrong, or nothing */
globalThis.runCase = async (suiteName, caseName, long) => {
  const found = suites.find(({ name }) => name === suiteName)?.cases.find(({ name }) => name === caseName);
  if (!found) return `there is no case "${caseName}" in "${suiteName}"`;
  const context: SuiteContext = {
    long,
    fixture: async (path) => {
      const response = await fetch(`/fixtures/${path}`);
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
  try {
    await found.run(context);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
};
