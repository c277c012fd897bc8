import type { Suite } from '../suite.ts';
import { appraisal } from './appraisal.ts';
import { authenticity } from './authenticity.ts';
import { damage } from './damage.ts';
import { eventLogSuite, mutantSuite } from './mutants.ts';
import { real } from './real.ts';
import { tcbSuite } from './tcb.ts';

export const suites: readonly Suite[] = [
  real,
  authenticity,
  tcbSuite,
  appraisal,
  damage,
  eventLogSuite,
  mutantSuite,
];
