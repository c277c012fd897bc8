/** Suites of the Sigstore half, for Node and the browser. */
import type { Suite } from '../../../evidence/test/suite.ts';
import { builders } from './builders.ts';
import { damage } from './damage.ts';
import { fixtures } from './fixtures.ts';
import { identity } from './identity.ts';
import { parsing } from './parsing.ts';
import { acceptance, binding, refusals } from './simulated.ts';

export const suites: readonly Suite[] = [
  fixtures,
  parsing,
  acceptance,
  refusals,
  binding,
  identity,
  builders,
  damage,
];
