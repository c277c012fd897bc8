import type { Suite } from '../suite.ts';
import { appraisal } from './appraisal.ts';
import { authenticity } from './authenticity.ts';
import { damage } from './damage.ts';
import { eventLogSuite, mutantSuite } from './mutants.ts';
import { real } from './real.ts';

export const suites: readonly Suite[] = [real, authenticity, appraisal, damage, eventLogSuite, mutantSuite];
