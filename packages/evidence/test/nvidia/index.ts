import type { Suite } from '../suite.ts';
import { damageSuite } from './damage.ts';
import { fixtureSuite } from './fixtures.ts';
import { manifestSuites } from './manifests.ts';

export const suites: readonly Suite[] = [fixtureSuite, damageSuite, ...manifestSuites];
