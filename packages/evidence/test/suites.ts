/** Every suite that runs in Node and in the browser. */
import { kindSuite } from './kinds.ts';
import { suites as nvidia } from './nvidia/index.ts';
import { suites as snp } from './snp/index.ts';
import type { Suite } from './suite.ts';
import { suites as tdx } from './tdx/index.ts';

export const suites: readonly Suite[] = [...snp, ...tdx, ...nvidia, kindSuite];
