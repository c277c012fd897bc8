/** Suites of the Sigstore half, for Node and the browser. */
import type { Suite } from '../../../evidence/test/suite.ts';
import { acceptance } from './accepted.ts';
import { binding } from './binding.ts';
import { damage } from './damage.ts';
import { refusals } from './defects.ts';
import { fixtures } from './fixtures.ts';
import { identity } from './identity.ts';
import { parsing } from './parsing.ts';
import { patterns } from './patterns.ts';
import { pipelines } from './pipelines.ts';

export const suites: readonly Suite[] = [
  fixtures,
  parsing,
  acceptance,
  refusals,
  binding,
  identity,
  patterns,
  pipelines,
  damage,
];
