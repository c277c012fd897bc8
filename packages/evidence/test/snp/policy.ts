/** Each rule of a policy: met, and not met with a code of its own. */
import {
  type SnpPolicy,
  appraiseSnp,
  certificateGuid,
  encodeAmdPublicKey,
  idKeyDigest,
} from '@vitrine/evidence/snp';
import { generateKey } from '@vitrine/simtee';
import { type Case, type Suite, expectEqual, expectTrue } from '../suite.ts';
import {
  type Scene,
  authenticScene,
  authorityOf,
  chipId,
  measurement,
  tcb,
  turinChipId,
  turinTcb,
} from './simulator.ts';

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

/** A report that has something in every field. */
const report: NonNullable<Scene['report']> = {
  guestSvn: 4,
  policy: 0x30137n,
  familyId: bytes(16, 1),
  imageId: bytes(16, 2),
  reportData: bytes(64, 3),
  hostData: bytes(32, 4),
  idKeyDigest: bytes(48, 5),
  authorKeyDigest: bytes(48, 6),
  authorKeyEnabled: true,
  reportId: bytes(32, 7),
  reportIdMa: bytes(32, 8),
  platformInfo: 0x27n,
  launchMitigations: 0b0110n,
  currentMitigations: 0b1110n,
  currentFirmware: [1, 55, 39],
};

interface Row {
  readonly rule: string;
  readonly code: string;
  readonly met: SnpPolicy;
  readonly unmet: SnpPolicy;
}

function bytesRow(rule: string, key: keyof SnpPolicy, code: string, length: number, value: number): Row[] {
  const met = bytes(length, value);
  const other = bytes(length, value + 1);
  return [
    { rule, code, met: { [key]: met }, unmet: { [key]: other } },
    { rule, code, met: { [key]: met }, unmet: { [key]: met.subarray(1) } },
  ];
}

const rows: readonly Row[] = [
  ...bytesRow('measurement', 'measurement', 'MEASUREMENT_MISMATCH', 48, 0x4d),
  ...bytesRow('report-data', 'reportData', 'REPORT_DATA_MISMATCH', 64, 3),
  ...bytesRow('host-data', 'hostData', 'HOST_DATA_MISMATCH', 32, 4),
  ...bytesRow('image-id', 'imageId', 'IMAGE_ID_MISMATCH', 16, 2),
  ...bytesRow('family-id', 'familyId', 'FAMILY_ID_MISMATCH', 16, 1),
  ...bytesRow('report-id', 'reportId', 'REPORT_ID_MISMATCH', 32, 7),
  ...bytesRow('report-id-ma', 'reportIdMa', 'REPORT_ID_MA_MISMATCH', 32, 8),
  ...bytesRow('id-key-digest', 'idKeyDigest', 'ID_KEY_DIGEST_MISMATCH', 48, 5),
  ...bytesRow('author-key-digest', 'authorKeyDigest', 'AUTHOR_KEY_DIGEST_MISMATCH', 48, 6),
  {
    rule: 'measurement',
    code: 'MEASUREMENT_MISMATCH',
    met: { measurement: [bytes(48, 1), measurement] },
    unmet: { measurement: [] },
  },
  { rule: 'chip-id', code: 'CHIP_ID_MISMATCH', met: { chipId }, unmet: { chipId: turinChipId } },
  {
    rule: 'product',
    code: 'PRODUCT_NOT_ALLOWED',
    met: { product: ['Milan', 'Genoa'] },
    unmet: { product: 'Turin' },
  },
  {
    rule: 'signing-key',
    code: 'SIGNING_KEY_NOT_ALLOWED',
    met: { signingKey: 'VCEK' },
    unmet: { signingKey: 'VLEK' },
  },
  {
    rule: 'guest-svn',
    code: 'GUEST_SVN_TOO_LOW',
    met: { minimumGuestSvn: 4 },
    unmet: { minimumGuestSvn: 5 },
  },
  { rule: 'vmpl', code: 'VMPL_MISMATCH', met: { vmpl: [1, 0] }, unmet: { vmpl: 1 } },
  {
    rule: 'guest-policy.abi',
    code: 'GUEST_POLICY_ABI_TOO_OLD',
    met: { minimumAbi: { major: 1, minor: 0x37 } },
    unmet: { minimumAbi: { major: 1, minor: 0x38 } },
  },
  {
    rule: 'guest-policy.abi',
    code: 'GUEST_POLICY_ABI_TOO_OLD',
    met: { minimumAbi: { major: 0, minor: 255 } },
    unmet: { minimumAbi: { major: 2, minor: 0 } },
  },
  {
    rule: 'firmware',
    code: 'FIRMWARE_OUT_OF_DATE',
    met: { minimumFirmware: { major: 1, minor: 55, build: 39 } },
    unmet: { minimumFirmware: { major: 1, minor: 55, build: 40 } },
  },
  {
    rule: 'firmware',
    code: 'FIRMWARE_OUT_OF_DATE',
    met: { minimumFirmware: { major: 1, minor: 54, build: 255 } },
    unmet: { minimumFirmware: { major: 1, minor: 56 } },
  },
  {
    rule: 'platform.ceiling',
    code: 'PLATFORM_INFO_INVALID',
    met: { platformInfoAllowed: 0x2fn },
    unmet: { platformInfoAllowed: 0x25n },
  },
  {
    rule: 'id-block.keys',
    code: 'ID_BLOCK_UNTRUSTED',
    met: { trustedIdBlockKeys: { idKeyDigests: [bytes(48, 5)] } },
    unmet: { trustedIdBlockKeys: { idKeyDigests: [bytes(48, 6)], authorKeyDigests: [bytes(48, 5)] } },
  },
  {
    rule: 'id-block.keys',
    code: 'ID_BLOCK_UNTRUSTED',
    met: { trustedIdBlockKeys: { authorKeyDigests: [bytes(48, 6)] } },
    unmet: { trustedIdBlockKeys: {} },
  },
  {
    rule: 'mitigation.launch',
    code: 'LAUNCH_MITIGATION_MISSING',
    met: { minimumLaunchMitigations: 0b0010n },
    unmet: { minimumLaunchMitigations: 0b1010n },
  },
  {
    rule: 'mitigation.current',
    code: 'CURRENT_MITIGATION_MISSING',
    met: { minimumCurrentMitigations: 0b1010n },
    unmet: { minimumCurrentMitigations: 1n },
  },
  ...(
    [
      ['minimumTcb', 'tcb.reported', 'TCB_OUT_OF_DATE'],
      ['minimumCommittedTcb', 'tcb.committed', 'COMMITTED_TCB_OUT_OF_DATE'],
      ['minimumLaunchTcb', 'tcb.launch', 'LAUNCH_TCB_OUT_OF_DATE'],
    ] as const
  ).flatMap(([key, rule, code]) =>
    (['bootloader', 'tee', 'snp', 'microcode'] as const).map((level) => ({
      rule,
      code,
      met: { [key]: { Genoa: { [level]: tcb[level] } } },
      unmet: { [key]: { Genoa: { [level]: tcb[level] + 1 } } },
    })),
  ),
  {
    rule: 'tcb.reported',
    code: 'TCB_FLOOR_MISSING',
    met: { minimumTcb: { Genoa: {} } },
    unmet: { minimumTcb: { Milan: tcb, Turin: turinTcb } },
  },
];

/** The guest policy's bits from 16 on, those of PLATFORM_INFO from 0 on. */
const guestPolicyBits = {
  smtAllowed: 16n,
  migrateMa: 18n,
  debug: 19n,
  singleSocket: 20n,
  cxlAllowed: 21n,
  memAes256Xts: 22n,
  raplDisabled: 23n,
  ciphertextHidingDram: 24n,
  pageSwapDisabled: 25n,
} as const;
const platformBits = {
  smtEnabled: 0n,
  tsmeEnabled: 1n,
  eccEnabled: 2n,
  raplDisabled: 3n,
  ciphertextHidingDramEnabled: 4n,
  aliasCheckComplete: 5n,
  tioEnabled: 7n,
} as const;

async function expectFailure(scene: Scene, policy: SnpPolicy, rule: string, code: string): Promise<void> {
  const { acceptable, checks } = appraiseSnp(await authenticScene(scene), policy);
  const failures = checks.filter(({ outcome }) => outcome === 'fail');
  expectEqual(
    failures.map((check) => [check.rule, check.code]),
    [[`snp.policy.${rule}`, code]],
    'failed rules',
  );
  expectEqual(acceptable, false);
}

async function expectSuccess(scene: Scene, policy: SnpPolicy, rule: string): Promise<void> {
  const { acceptable, checks } = appraiseSnp(await authenticScene(scene), policy);
  const outcome = checks.find((check) => check.rule === `snp.policy.${rule}`)?.outcome;
  expectEqual(outcome, 'pass', rule);
  expectTrue(acceptable, `${rule} is the only rule that could fail`);
}

function screaming(words: string): string {
  return words.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

function kebab(words: string): string {
  return words.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

const bitCases: readonly Case[] = [
  ...Object.entries(guestPolicyBits).map(([bit, at]) => ({
    name: `guest policy bit ${at}, ${bit}, is judged both ways`,
    run: async () => {
      const set = { report: { policy: 0x20000n | (1n << at) } };
      const clear = { report: { policy: 0x20000n } };
      const rule = `guest-policy.${kebab(bit)}`;
      const code = `GUEST_POLICY_${screaming(bit)}`;
      const lifted = { debug: 'any', migrateMa: 'any' } as const;
      await expectSuccess(set, { guestPolicy: { ...lifted, [bit]: true } }, rule);
      await expectSuccess(clear, { guestPolicy: { ...lifted, [bit]: false } }, rule);
      await expectFailure(set, { guestPolicy: { ...lifted, [bit]: false } }, rule, `${code}_SET`);
      await expectFailure(clear, { guestPolicy: { ...lifted, [bit]: true } }, rule, `${code}_CLEAR`);
    },
  })),
  ...Object.entries(platformBits).map(([bit, at]) => ({
    name: `PLATFORM_INFO bit ${at}, ${bit}, is judged both ways`,
    run: async () => {
      const set = { report: { platformInfo: 1n << at } };
      const clear = { report: { platformInfo: 0n } };
      const rule = `platform.${kebab(bit)}`;
      const code = `PLATFORM_INFO_${screaming(bit)}`;
      await expectSuccess(set, { platformInfo: { [bit]: true } }, rule);
      await expectSuccess(clear, { platformInfo: { [bit]: false } }, rule);
      await expectFailure(set, { platformInfo: { [bit]: false } }, rule, `${code}_SET`);
      await expectFailure(clear, { platformInfo: { [bit]: true } }, rule, `${code}_CLEAR`);
    },
  })),
];

const defaults: readonly Case[] = [
  {
    name: 'without a policy there are four rules: reserved bits, no debugging, no migration, VMPL 0',
    run: async () => {
      const { checks, acceptable } = appraiseSnp(await authenticScene({ report }));
      expectEqual(
        checks.map(({ rule }) => rule),
        [
          'snp.policy.guest-policy.reserved',
          'snp.policy.guest-policy.debug',
          'snp.policy.guest-policy.migrate-ma',
          'snp.policy.vmpl',
        ],
      );
      expectTrue(acceptable, 'the report meets them');
    },
  },
  ...(
    [
      ['debugging', { policy: 0xb0000n }, 'guest-policy.debug', 'GUEST_POLICY_DEBUG_SET'],
      ['migration', { policy: 0x70000n }, 'guest-policy.migrate-ma', 'GUEST_POLICY_MIGRATE_MA_SET'],
      ['bit 17 clear', { policy: 0x10000n }, 'guest-policy.reserved', 'GUEST_POLICY_RESERVED_BIT_SET'],
      ['bit 26 set', { policy: 0x4030000n }, 'guest-policy.reserved', 'GUEST_POLICY_RESERVED_BIT_SET'],
      [
        'bit 63 set',
        { policy: 0x8000000000030000n },
        'guest-policy.reserved',
        'GUEST_POLICY_RESERVED_BIT_SET',
      ],
      ['VMPL 1', { vmpl: 1 }, 'vmpl', 'VMPL_MISMATCH'],
      ['a report that the host asked for', { vmpl: 0xffffffff }, 'vmpl', 'VMPL_MISMATCH'],
    ] as const
  ).map(([what, changed, rule, code]) => ({
    name: `${what} is authentic, and refused by default`,
    run: () => expectFailure({ report: changed }, {}, rule, code),
  })),
  {
    name: 'a policy on other bits leaves the defaults in force',
    run: () =>
      expectFailure(
        { report: { policy: 0xb0000n } },
        { guestPolicy: { smtAllowed: true } },
        'guest-policy.debug',
        'GUEST_POLICY_DEBUG_SET',
      ),
  },
  {
    name: "'any' lifts the VMPL rule",
    run: async () => {
      const { checks, acceptable } = appraiseSnp(await authenticScene({ report: { vmpl: 3 } }), {
        vmpl: 'any',
      });
      expectTrue(
        acceptable && !checks.some(({ rule }) => rule === 'snp.policy.vmpl'),
        'there is no VMPL rule',
      );
    },
  },
];

const special: readonly Case[] = [
  {
    name: 'firmware that runs uncommitted is provisional',
    run: async () => {
      const policy = { permitProvisionalFirmware: false };
      await expectSuccess({ report }, policy, 'firmware.committed');
      const ahead = { report: { ...report, currentTcb: { ...tcb, snp: 30 }, committedTcb: tcb } };
      await expectFailure(ahead, policy, 'firmware.committed', 'FIRMWARE_PROVISIONAL');
      const newer = { report: { ...report, committedFirmware: [1, 55, 38] as const } };
      await expectFailure(newer, policy, 'firmware.committed', 'FIRMWARE_PROVISIONAL');
      const { acceptable } = appraiseSnp(await authenticScene(ahead), { permitProvisionalFirmware: true });
      expectTrue(acceptable, 'provisional firmware is permitted where the policy says so');
    },
  },
  {
    name: 'an old committed version fails the floor that the running one meets',
    run: () =>
      expectFailure(
        { report: { ...report, committedFirmware: [1, 54, 99] } },
        { minimumFirmware: { major: 1, minor: 55 } },
        'firmware',
        'FIRMWARE_OUT_OF_DATE',
      ),
  },
  {
    name: "Turin's FMC level has a floor of its own",
    run: async () => {
      const product = 'Turin';
      await expectSuccess({ product }, { minimumTcb: { Turin: turinTcb } }, 'tcb.reported');
      const policy = { minimumTcb: { Turin: { fmc: 4 } } };
      await expectFailure({ product }, policy, 'tcb.reported', 'TCB_OUT_OF_DATE');
    },
  },
  {
    name: 'a Turin chip is named by its 8 bytes',
    run: async () => {
      await expectSuccess({ product: 'Turin' }, { chipId: turinChipId }, 'chip-id');
      const policy = { chipId: turinChipId.toReversed() };
      await expectFailure({ product: 'Turin' }, policy, 'chip-id', 'CHIP_ID_MISMATCH');
    },
  },
  {
    name: "a VLEK's provider is judged, and a VCEK has none",
    run: async () => {
      const scene = { vlek: { cspId: 'cc-us-east-2.example' } };
      await expectSuccess(scene, { cspId: ['other', 'cc-us-east-2.example'] }, 'csp-id');
      await expectFailure(scene, { cspId: 'cc-us-east-2' }, 'csp-id', 'CSP_ID_MISMATCH');
      await expectFailure({}, { cspId: 'cc-us-east-2.example' }, 'csp-id', 'CSP_ID_MISMATCH');
    },
  },
  {
    name: 'an ID block and an author key are demanded',
    run: async () => {
      await expectSuccess({ report }, { requireIdBlock: true }, 'id-block');
      await expectFailure({}, { requireIdBlock: true }, 'id-block', 'ID_BLOCK_MISSING');
      await expectSuccess({ report }, { requireAuthorKey: true }, 'author-key');
      await expectFailure({}, { requireAuthorKey: true }, 'author-key', 'AUTHOR_KEY_MISSING');
    },
  },
  {
    name: 'an author key that is not enabled is not trusted by its digest, nor one of zeros',
    run: async () => {
      const keys = { authorKeyDigests: [bytes(48, 6), bytes(48, 0)], idKeyDigests: [bytes(48, 0)] };
      const policy = { trustedIdBlockKeys: keys };
      const disabled = { report: { ...report, authorKeyEnabled: false } };
      await expectFailure(disabled, policy, 'id-block.keys', 'ID_BLOCK_UNTRUSTED');
      await expectFailure({}, policy, 'id-block.keys', 'ID_BLOCK_UNTRUSTED');
    },
  },
  {
    name: 'the digest of an ID key is over its 1028 bytes: curve, x and y little-endian',
    run: async () => {
      const { point } = await generateKey('P-384');
      const encoded = encodeAmdPublicKey(point);
      expectEqual(encoded.length, 0x404);
      expectEqual([...encoded.subarray(0, 4)], [2, 0, 0, 0]);
      expectEqual(encoded.subarray(4, 52), point.subarray(1, 49).toReversed());
      expectEqual(encoded.subarray(76, 124), point.subarray(49).toReversed());
      expectTrue(
        encoded.every((byte, at) => byte === 0 || at < 52 || (at >= 76 && at < 124)),
        'the rest is zero',
      );
      const digest = await idKeyDigest(point);
      await expectSuccess({ report: { idKeyDigest: digest } }, { idKeyDigest: digest }, 'id-key-digest');
    },
  },
  {
    name: 'mitigation vectors that the report does not have are missing',
    run: async () => {
      const four = { report: { version: 4 as const } };
      const launch = { minimumLaunchMitigations: 0n };
      await expectFailure(four, launch, 'mitigation.launch', 'LAUNCH_MITIGATION_MISSING');
      const current = { minimumCurrentMitigations: 0n };
      await expectFailure(four, current, 'mitigation.current', 'CURRENT_MITIGATION_MISSING');
    },
  },
  {
    name: 'revocation that was not checked fails where the policy demands it',
    run: async () => {
      const crl = await (await authorityOf('Genoa')).issueCrl();
      const policy = { requireRevocation: true };
      await expectSuccess({ evidence: { crl } }, policy, 'revocation');
      await expectFailure({}, policy, 'revocation', 'REVOCATION_NOT_CHECKED');
    },
  },
  {
    name: 'entries of the certificate table are demanded, and judged by the policy',
    run: async () => {
      const authentic = await authenticScene();
      const guid = '00010203-0405-0607-0809-0a0b0c0d0e0f';
      const table = [{ guid, bytes: Uint8Array.of(1, 2, 3) }];
      const codes = (policy: SnpPolicy, entries = table): (string | undefined)[] =>
        appraiseSnp(authentic, policy, entries)
          .checks.filter(({ rule }) => rule.startsWith('snp.policy.certificate-table.'))
          .map(({ code, outcome }) => code ?? outcome);
      const rule = (required: boolean, reason?: string): SnpPolicy => ({
        certificateTable: [{ guid: guid.toUpperCase(), required, refuse: () => reason }],
      });
      expectEqual(codes(rule(true)), ['pass']);
      expectEqual(codes(rule(true, 'out of date')), ['CERTIFICATE_TABLE_ENTRY_INVALID']);
      expectEqual(codes(rule(false, 'out of date')), ['CERTIFICATE_TABLE_ENTRY_INVALID']);
      expectEqual(codes(rule(true), []), ['CERTIFICATE_TABLE_ENTRY_MISSING']);
      expectEqual(codes(rule(false), []), []);
      const demandsVlek = { certificateTable: [{ guid: certificateGuid.vlek, required: true }] };
      expectEqual(codes(demandsVlek), ['CERTIFICATE_TABLE_ENTRY_MISSING']);
    },
  },
];

export const suite: Suite = {
  name: 'SNP, policy',
  cases: [
    ...defaults,
    ...bitCases,
    ...rows.map(({ rule, code, met, unmet }, index) => ({
      name: `${rule} (${index + 1}) passes, and fails with ${code}`,
      run: async () => {
        await expectSuccess({ report }, met, rule);
        await expectFailure({ report }, unmet, rule, code);
      },
    })),
    ...special,
  ],
};
