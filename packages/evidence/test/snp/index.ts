import type { Suite } from '../suite.ts';
import { suite as fixtures } from './fixtures.ts';
import { suite as policy } from './policy.ts';
import { suite as simulated } from './simulated.ts';

export const suites: readonly Suite[] = [simulated, policy, fixtures];
