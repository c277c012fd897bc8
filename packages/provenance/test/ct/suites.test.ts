/** Runs the suites in Node. */
import { runSuites } from '../../../evidence/test/run-suites.ts';
import { suites } from './suites.ts';

runSuites(suites);
