import type { Suite } from '../suite.ts';
import { suite as simulated } from './simulated.ts';

export const suites: readonly Suite[] = [simulated];
