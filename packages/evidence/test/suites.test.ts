/** Runs the suites in Node. */
import { runSuites } from './run-suites.ts';
import { suites } from './suites.ts';

runSuites(suites);
