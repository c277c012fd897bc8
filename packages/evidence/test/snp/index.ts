import type { Suite } from '../suite.ts';
import { suite as azure } from './azure.ts';
import { suite as certificateTable } from './certificate-table.ts';
import { suite as damage } from './damage.ts';
import { suite as fixtures } from './fixtures.ts';
import { suite as fuzz } from './fuzz.ts';
import { suite as policy } from './policy.ts';
import { suite as simulated } from './simulated.ts';

export const suites: readonly Suite[] = [simulated, policy, certificateTable, fixtures, azure, damage, fuzz];
