import type { Suite } from '../suite.ts';
import { damageSuite } from './damage.ts';
import { factSuites } from './facts.ts';
import { fixtureSuite } from './fixtures.ts';
import { manifestSuites } from './manifests.ts';
import { mutantSuite } from './mutants.ts';
import { policySuite } from './policies.ts';
import { realTokenSuite } from './real-tokens.ts';
import { simulatedSuites } from './simulated.ts';
import { tokenSuites } from './tokens.ts';

export const suites: readonly Suite[] = [
  fixtureSuite,
  ...factSuites,
  policySuite,
  ...simulatedSuites,
  damageSuite,
  ...manifestSuites,
  realTokenSuite,
  ...tokenSuites,
  mutantSuite,
];
