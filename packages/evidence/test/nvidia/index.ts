import type { Suite } from '../suite.ts';
import { fixtureSuite } from './fixtures.ts';

export const suites: readonly Suite[] = [fixtureSuite];
