/** Real answers of the attestation service. */
import { decodeUtf8, fromHex, utf8 } from '@vitrine/bytes';
import {
  type EatEvidence,
  appraiseEat,
  authenticateEat,
  describeEat,
  parseEat,
} from '../../src/nvidia/index.ts';
import { bitsOf, refuseBits } from '../flips.ts';
import {
  type Case,
  type Suite,
  type SuiteContext,
  expectEqual,
  expectRefused,
  expectTrue,
} from '../suite.ts';

const HOPPER = 'nvidia/eat/hopperClaimsv3_detached_eat.json';
const SWITCH = 'nvidia/eat/switch_detached_eat.json';
const hopperTime = new Date('2025-06-11T00:31:00Z');
const switchTime = new Date('2025-06-28T23:58:00Z');
const realNonce = '931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb';

async function real({ fixture }: SuiteContext, path: string, now: Date): Promise<EatEvidence> {
  return { eat: await fixture(path), jwks: await fixture('nvidia/eat/recovered_jwks.json'), now };
}

function failures({ checks }: { readonly checks: readonly { outcome: string; code?: string }[] }) {
  return checks.filter(({ outcome }) => outcome === 'fail').map(({ code }) => code);
}

const realCases: Case[] = [
  {
    name: 'the answer for a GPU is authentic and acceptable, and its claims are those that are published decoded',
    needsFixtures: true,
    run: async (context) => {
      const eat = await authenticateEat(await real(context, HOPPER, hopperTime));
      const appraisal = appraiseEat(eat, { nonce: fromHex(realNonce) });
      expectEqual([appraisal.acceptable, failures(appraisal)], [true, []]);
      expectTrue(
        appraisal.checks.every(({ outcome }) => outcome === 'pass'),
        'nothing is left unchecked',
      );
      const text = decodeUtf8(await context.fixture('nvidia/eat/hopperClaimsv3_decoded.json'));
      const decoded = JSON.parse(text) as Record<string, Record<string, unknown>>;
      const sorted = (claims: object) => Object.entries(claims).sort(([a], [b]) => (a < b ? -1 : 1));
      expectEqual(sorted(eat.devices.get('GPU-0')!.claims), sorted(decoded['GPU-0']!));
      expectEqual(describeEat(eat)['overallResult'], 'true');
    },
  },
  {
    name: 'the answer of the staging service is authentic but not acceptable, unless that issuer is asked for',
    needsFixtures: true,
    run: async (context) => {
      const eat = await authenticateEat(await real(context, SWITCH, switchTime));
      expectEqual(failures(appraiseEat(eat)), ['EAT_ISSUER_MISMATCH']);
      const issuer = 'https://nras.attestation-stg.nvidia.com';
      expectEqual(failures(appraiseEat(eat, { issuer })), []);
      expectEqual([...eat.devices.keys()], ['SWITCH-0']);
    },
  },
  {
    name: 'a nonce that is another is not acceptable; one that is not given is not checked',
    needsFixtures: true,
    run: async (context) => {
      const eat = await authenticateEat(await real(context, HOPPER, hopperTime));
      expectEqual(failures(appraiseEat(eat, { nonce: new Uint8Array(32) })), ['EAT_NONCE_MISMATCH']);
      const nonce = appraiseEat(eat).checks.find(({ rule }) => rule === 'nvidia.eat.nonce');
      expectEqual(nonce?.outcome, 'not-checked');
    },
  },
  {
    name: 'an hour later it has expired, a minute earlier it was not valid yet',
    needsFixtures: true,
    run: async (context) => {
      const at = async (time: string) => authenticateEat(await real(context, HOPPER, new Date(time)));
      await at('2025-06-11T00:30:58Z');
      await at('2025-06-11T01:30:57.999Z');
      await expectRefused(() => at('2025-06-11T01:30:58Z'), 'EAT_EXPIRED');
      await expectRefused(() => at('2025-06-11T00:30:57.999Z'), 'EAT_NOT_YET_VALID');
      await expectRefused(() => at('never'), 'EAT_EXPIRED');
    },
  },
  {
    name: 'each answer under the keys of none, of the other, or with the other’s device token is refused',
    needsFixtures: true,
    run: async (context) => {
      const hopper = await real(context, HOPPER, hopperTime);
      await expectRefused(() => authenticateEat({ eat: hopper.eat, now: hopperTime }), 'EAT_KEY_UNKNOWN');
      await expectRefused(() => authenticateEat({ ...hopper, jwks: '{"keys":[]}' }), 'EAT_KEY_UNKNOWN');
      const keys = decodeUtf8(hopper.jwks as Uint8Array);
      const swapped = keys.replace('-prod-', '-x-').replace('-stg-', '-prod-');
      await expectRefused(() => authenticateEat({ ...hopper, jwks: swapped }), 'EAT_KEY_UNKNOWN');
      const mine = parseEat(hopper.eat);
      const other = parseEat(await context.fixture(SWITCH));
      const devices = { 'GPU-0': other.devices.get('SWITCH-0')!.jwt.text };
      const mixed = utf8(JSON.stringify([['JWT', mine.overall.jwt.text], devices]));
      const refused = ['EAT_EXPIRED', 'EAT_NOT_YET_VALID'];
      await expectRefused(() => authenticateEat({ ...hopper, eat: mixed }), refused);
    },
  },
  {
    name: 'every bit of both signatures, and every 97th of all the rest: refused, or nothing is said otherwise',
    needsFixtures: true,
    run: async (context) => {
      const evidence = await real(context, HOPPER, hopperTime);
      const text = decodeUtf8(evidence.eat);
      const honest = await authenticateEat(evidence);
      const tokens = [honest.overall, honest.devices.get('GPU-0')!];
      const bits = new Set(bitsOf(0, text.length).filter((bit) => bit % 97 === 0));
      for (const { jwt } of tokens) {
        const end = text.indexOf(jwt.text) + jwt.text.length;
        for (const bit of bitsOf(end - 128, end)) bits.add(bit);
      }
      const codes = ['EAT_MALFORMED', 'EAT_ALGORITHM_UNSUPPORTED', 'EAT_KEY_UNKNOWN'];
      await refuseBits(
        evidence.eat,
        [...bits],
        (eat) => authenticateEat({ ...evidence, eat }),
        [...codes, 'EAT_SIGNATURE_INVALID', 'EAT_DIGEST_MISMATCH'],
        (eat) => JSON.stringify(describeEat(eat)) === JSON.stringify(describeEat(honest)),
      );
    },
  },
  {
    name: 'every truncation of an answer is refused',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const bytes = await fixture(HOPPER);
      const end = decodeUtf8(bytes).trimEnd().length;
      for (let length = 0; length < end; length++)
        await expectRefused(() => parseEat(bytes.subarray(0, length)), 'EAT_MALFORMED', `length ${length}`);
    },
  },
];

export const realTokenSuite: Suite = { name: 'NVIDIA tokens: real', cases: realCases };
