/** Everything that real evidence at hand does not show: products, versions and kinds of key, and each way to be refused. */
import { authenticateSnp, kdsOid, parseVek } from '@vitrine/evidence/snp';
import { generateKey } from '@vitrine/simtee';
import { type Case, type Suite, expectEqual, expectRefused, expectTrue } from '../suite.ts';
import {
  type Scene,
  authenticScene,
  authorityOf,
  chipId,
  evidenceOf,
  now,
  tcb,
  turinChipId,
  turinTcb,
} from './simulator.ts';

const HOUR_MS = 60 * 60 * 1000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const earlier = new Date(now.getTime() - HOUR_MS);
const later = new Date(now.getTime() + HOUR_MS);

function outcomeOf(checks: readonly { rule: string; outcome: string }[], rule: string): string | undefined {
  return checks.find((check) => check.rule === rule)?.outcome;
}

const accepted: readonly Case[] = [
  ...(['Milan', 'Genoa', 'Turin'] as const).flatMap((product) =>
    ([2, 3, 4, 5] as const).map((version) => ({
      name: `a report of version ${version} on ${product} is authentic with a VCEK`,
      run: async () => {
        const authentic = await authenticScene({ product, report: { version } });
        expectEqual(authentic.product, product);
        expectEqual(authentic.report.version, version);
        expectEqual(authentic.tcb.reported, product === 'Turin' ? turinTcb : tcb);
        expectEqual(authentic.isProduction, false);
        expectEqual(outcomeOf(authentic.checks, 'snp.product'), version === 2 ? 'not-checked' : 'pass');
        expectEqual(outcomeOf(authentic.checks, 'snp.chip'), 'pass');
        expectEqual(outcomeOf(authentic.checks, 'snp.revocation'), 'not-checked');
        expectEqual(authentic.revocation, 'not-checked');
      },
    })),
  ),
  ...(['Milan', 'Turin'] as const).map((product) => ({
    name: `a report on ${product} is authentic with a VLEK, and names no chip`,
    run: async () => {
      const authentic = await authenticScene({ product, vlek: { cspId: 'cc-us-east-2.example' } });
      expectEqual(authentic.vek.kind, 'VLEK');
      expectEqual(authentic.vek.cspId, 'cc-us-east-2.example');
      expectEqual(authentic.vek.hwid, undefined);
      expectEqual(outcomeOf(authentic.checks, 'snp.chip'), 'pass');
    },
  })),
  {
    name: 'version 5 carries mitigation vectors, version 4 none',
    run: async () => {
      const report = { launchMitigations: 5n, currentMitigations: 0xf00000000000000fn };
      const five = await authenticScene({ report });
      expectEqual(five.report.launchMitigationVector, 5n);
      expectEqual(five.report.currentMitigationVector, 0xf00000000000000fn);
      const four = await authenticScene({ report: { version: 4 } });
      expectEqual(four.report.currentMitigationVector, undefined);
    },
  },
  {
    name: 'a masked CHIP_ID is not checked, and that is said',
    run: async () => {
      const authentic = await authenticScene({ report: { chipId: new Uint8Array(0) } });
      expectEqual(outcomeOf(authentic.checks, 'snp.chip'), 'not-checked');
    },
  },
  {
    name: 'a revocation list of the ARK that is in force is checked',
    run: async () => {
      const crl = await (await authorityOf('Genoa')).issueCrl({ revoked: [0x20101] });
      const authentic = await authenticScene({ evidence: { crl } });
      expectEqual(authentic.revocation, 'checked');
      expectEqual(outcomeOf(authentic.checks, 'snp.revocation'), 'pass');
    },
  },
  {
    name: 'the ASK and the ARK may come with the evidence',
    run: async () => {
      const { ask, ark } = await authorityOf('Genoa');
      const authentic = await authenticScene({ evidence: { intermediates: [ark.der, ask.der] } });
      expectEqual(authentic.chain.intermediate.der, ask.der);
    },
  },
  {
    name: 'running firmware may be above what is reported, committed and launched with',
    run: async () => {
      const current = { ...tcb, snp: 30, microcode: 255 };
      const authentic = await authenticScene({
        report: { currentTcb: current, committedTcb: tcb, launchTcb: { ...tcb, microcode: 1 } },
      });
      expectEqual(authentic.tcb.current, current);
      expectEqual(authentic.tcb.launch.microcode, 1);
    },
  },
  {
    name: 'what the caller does to the bytes afterwards changes nothing',
    run: async () => {
      const evidence = await evidenceOf();
      const bytes = evidence.report as Uint8Array;
      const pending = authenticateSnp(evidence);
      bytes.fill(0);
      expectEqual((await pending).report.chipId, chipId);
    },
  },
];

/** A scene that is refused, and the code. */
const refused: readonly (readonly [name: string, code: string, scene: () => Scene | Promise<Scene>])[] = [
  ['an expired VCEK', 'VCEK_EXPIRED', () => ({ vcek: { notAfter: earlier } })],
  ['a VCEK of the future', 'VCEK_NOT_YET_VALID', () => ({ vcek: { notBefore: later } })],
  [
    'a VCEK that another key signed',
    'VCEK_CHAIN_INVALID',
    async () => ({ vcek: { signedBy: await generateKey('RSA-PSS-2048') } }),
  ],
  [
    'a VCEK that the ARK signed',
    'VCEK_CHAIN_INVALID',
    async () => ({ vcek: { signedBy: (await authorityOf('Genoa')).keys.ark } }),
  ],
  ['a VCEK of another issuer', 'VCEK_CHAIN_INVALID', () => ({ vcek: { issuerCommonName: 'SEV-Nobody' } })],
  [
    "a VCEK whose issuer is another product's",
    'PRODUCT_MISMATCH',
    () => ({ vcek: { issuerCommonName: 'SEV-Milan' } }),
  ],
  ['a VCEK from an ASVK', 'VCEK_CHAIN_INVALID', () => ({ vcek: { issuerCommonName: 'SEV-VLEK-Genoa' } })],
  ['a VCEK by another name', 'VCEK_CHAIN_INVALID', () => ({ vcek: { subjectCommonName: 'SEV-Genoa' } })],
  [
    'a VCEK that calls itself a VLEK',
    'VCEK_CHAIN_INVALID',
    () => ({ vcek: { subjectCommonName: 'SEV-VLEK' } }),
  ],
  [
    'a VCEK with a CSP_ID',
    'VCEK_CHAIN_INVALID',
    () => ({ vcek: { replaceExtensions: [{ oid: kdsOid.cspId, value: Uint8Array.of(0x16, 1, 0x61) }] } }),
  ],
  [
    'a VCEK without an HWID',
    'VCEK_HWID_MISMATCH',
    () => ({ vcek: { replaceExtensions: [{ oid: kdsOid.hwid, value: undefined }] } }),
  ],
  [
    'an HWID inside an OCTET STRING',
    'VCEK_HWID_MISMATCH',
    () => ({
      vcek: { replaceExtensions: [{ oid: kdsOid.hwid, value: Uint8Array.of(4, 64, ...chipId) }] },
    }),
  ],
  ['an HWID of 8 bytes on Genoa', 'VCEK_HWID_MISMATCH', () => ({ vcek: { chipId: turinChipId } })],
  ['an HWID of 64 bytes on Turin', 'VCEK_HWID_MISMATCH', () => ({ product: 'Turin', vcek: { chipId } })],
  ['the VCEK of another chip', 'VCEK_HWID_MISMATCH', () => ({ vcek: { chipId: chipId.toReversed() } })],
  [
    'a Turin CHIP_ID with bytes behind the eighth',
    'VCEK_HWID_MISMATCH',
    () => ({ product: 'Turin', report: { chipId } }),
  ],
  [
    'a CHIP_ID in a report that a VLEK signed',
    'VCEK_HWID_MISMATCH',
    () => ({ vlek: { cspId: 'example' }, report: { chipId } }),
  ],
  ...(['bootloader', 'tee', 'snp', 'microcode'] as const).flatMap((level) => [
    [
      `a VCEK for a higher ${level} level`,
      'VCEK_TCB_MISMATCH',
      () => ({ vcek: { tcb: { ...tcb, [level]: tcb[level] + 1 } } }),
    ] as const,
    [
      `a VCEK for a lower ${level} level`,
      'VCEK_TCB_MISMATCH',
      () => ({ vcek: { tcb: { ...tcb, [level]: tcb[level] - 1 } } }),
    ] as const,
  ]),
  [
    'a Turin VCEK for another FMC level',
    'VCEK_TCB_MISMATCH',
    () => ({ product: 'Turin', vcek: { tcb: { ...turinTcb, fmc: 2 } } }),
  ],
  [
    'a Turin VCEK without an FMC level',
    'VCEK_CHAIN_INVALID',
    () => ({ product: 'Turin', vcek: { replaceExtensions: [{ oid: kdsOid.fmc, value: undefined }] } }),
  ],
  [
    'a Genoa VCEK with an FMC level',
    'VCEK_CHAIN_INVALID',
    () => ({ vcek: { replaceExtensions: [{ oid: kdsOid.fmc, value: Uint8Array.of(2, 1, 0) }] } }),
  ],
  ...Object.entries({
    'without a boot loader level': [kdsOid.bootloader, undefined],
    'with a level of 256': [kdsOid.snp, Uint8Array.of(2, 2, 1, 0)],
    'with a negative level': [kdsOid.snp, Uint8Array.of(2, 1, 0x80)],
    'with a level that is no INTEGER': [kdsOid.snp, Uint8Array.of(4, 1, 27)],
    'with bytes behind a level': [kdsOid.snp, Uint8Array.of(2, 1, 27, 0)],
    'with a reserved level that is not zero': [kdsOid.spl5, Uint8Array.of(2, 1, 1)],
    'without a struct version': [kdsOid.structVersion, undefined],
    'of struct version 2': [kdsOid.structVersion, Uint8Array.of(2, 1, 2)],
    'without a product name': [kdsOid.productName, undefined],
    'with a product name that is no IA5String': [
      kdsOid.productName,
      Uint8Array.of(12, 5, 71, 101, 110, 111, 97),
    ],
  } as const).map(
    ([what, [oid, value]]) =>
      [
        `a VCEK ${what}`,
        'VCEK_CHAIN_INVALID',
        () => ({ vcek: { replaceExtensions: [{ oid, value }] } }),
      ] as const,
  ),
  ['a product that is not known', 'PRODUCT_MISMATCH', () => ({ vcek: { productName: 'Venice' } })],
  ['a product that only begins like one', 'PRODUCT_MISMATCH', () => ({ vcek: { productName: 'Genoa-' } })],
  [
    'a report of a processor of another product',
    'PRODUCT_MISMATCH',
    () => ({ report: { cpu: { family: 0x19, model: 0x01, stepping: 1 } } }),
  ],
  [
    'a report of a processor that is not known',
    'PRODUCT_MISMATCH',
    () => ({ report: { cpu: { family: 0x17, model: 0x11, stepping: 1 } } }),
  ],
  ['a report that says a VLEK signed it', 'SIGNER_INFO_INVALID', () => ({ report: { signingKey: 'VLEK' } })],
  ['a report that no key signed', 'SIGNER_INFO_INVALID', () => ({ report: { signingKey: 'none' } })],
  [
    'a report that says a VCEK signed it, with a VLEK',
    'SIGNER_INFO_INVALID',
    () => ({ vlek: { cspId: 'example' }, report: { signingKey: 'VCEK' } }),
  ],
  [
    'reserved bits of the key information',
    'SIGNER_INFO_INVALID',
    () => ({ report: { overwrite: [{ at: 0x4b, bytes: Uint8Array.of(0x80) }] } }),
  ],
  [
    'a signing key of number 2',
    'SIGNER_INFO_INVALID',
    () => ({ report: { overwrite: [{ at: 0x48, bytes: Uint8Array.of(2 << 2) }] } }),
  ],
  [
    'a certificate above CURRENT_TCB',
    'TCB_INCONSISTENT',
    () => ({ report: { currentTcb: { ...tcb, snp: 26 }, committedTcb: { ...tcb, snp: 20 } } }),
  ],
  [
    'COMMITTED_TCB above CURRENT_TCB',
    'TCB_INCONSISTENT',
    () => ({ report: { committedTcb: { ...tcb, tee: 2 }, launchTcb: tcb } }),
  ],
  [
    'LAUNCH_TCB above CURRENT_TCB',
    'TCB_INCONSISTENT',
    () => ({ report: { launchTcb: { ...tcb, microcode: 220 } } }),
  ],
  [
    "FMC above CURRENT_TCB's",
    'TCB_INCONSISTENT',
    () => ({ product: 'Turin', report: { launchTcb: { ...turinTcb, fmc: 4 } } }),
  ],
  ...([0, 1, 6, 0xffffffff] as const).map(
    (version) =>
      [
        `a report of version ${version}`,
        'WRONG_REPORT_VERSION',
        () => ({ report: { overwrite: [{ at: 0, bytes: new Uint8Array(Uint32Array.of(version).buffer) }] } }),
      ] as const,
  ),
  [
    'another signature algorithm',
    'REPORT_FORMAT_UNSUPPORTED',
    () => ({ report: { overwrite: [{ at: 0x34, bytes: Uint8Array.of(2) }] } }),
  ],
  ...(
    [
      [5, 0x4c],
      [5, 0x18b],
      [5, 0x19f],
      [5, 0x1eb],
      [5, 0x1ef],
      [5, 0x208],
      [5, 0x29f],
      [3, 0x18b],
      [4, 0x208],
      [2, 0x18b],
      [2, 0x19f],
    ] as const
  ).map(
    ([version, at]) =>
      [
        `version ${version} with byte 0x${at.toString(16)} set`,
        'REPORT_RESERVED_NOT_ZERO',
        () => ({ report: { version, overwrite: [{ at, bytes: Uint8Array.of(1) }] } }),
      ] as const,
  ),
  ...(
    [
      [4, 0x1f8],
      [4, 0x207],
      [3, 0x200],
      [2, 0x188],
      [2, 0x18a],
    ] as const
  ).map(
    ([version, at]) =>
      [
        `version ${version} with byte 0x${at.toString(16)} set, which a later version defines`,
        'WRONG_REPORT_VERSION',
        () => ({ report: { version, overwrite: [{ at, bytes: Uint8Array.of(1) }] } }),
      ] as const,
  ),
  [
    'a report that another chip signed',
    'REPORT_SIGNATURE_INVALID',
    async () => ({ signer: await (await authorityOf('Genoa')).issueVcek({ chipId, tcb }) }),
  ],
  [
    'anchors of another product only',
    'ARK_UNTRUSTED',
    async () => ({ evidence: { anchors: (await authorityOf('Milan')).anchors } }),
  ],
  ['no anchors', 'ARK_UNTRUSTED', () => ({ evidence: { anchors: {} } })],
  [
    'an anchor by the name of another product',
    'ARK_UNTRUSTED',
    async () => ({ evidence: { anchors: { Genoa: (await authorityOf('Milan')).anchors.Milan! } } }),
  ],
  [
    'an ARK that came along and is not trusted',
    'ARK_UNTRUSTED',
    async () => {
      const { ask } = await authorityOf('Genoa');
      return { evidence: { intermediates: [ask.der, (await authorityOf('Milan')).ark.der] } };
    },
  ],
  [
    'intermediates without the ASK',
    'ASK_INVALID',
    async () => ({ evidence: { intermediates: [(await authorityOf('Genoa')).asvk.der] } }),
  ],
  [
    'an intermediate that is no certificate',
    'ASK_INVALID',
    () => ({ evidence: { intermediates: [Uint8Array.of(0x30, 0)] } }),
  ],
  [
    'an ASK that is not signed by the ARK',
    'ASK_INVALID',
    async () => {
      const authority = await authorityOf('Genoa');
      const ask = await authority.issueAsk({ signedBy: authority.keys.asvk });
      return { evidence: { intermediates: [ask.der] } };
    },
  ],
  [
    'an expired ASK',
    'ASK_INVALID',
    async () => ({
      evidence: { intermediates: [(await (await authorityOf('Genoa')).issueAsk({ notAfter: earlier })).der] },
    }),
  ],
  [
    'an ASK that is no authority',
    'ASK_INVALID',
    async () => {
      const without = [{ oid: '2.5.29.19', value: undefined }];
      const ask = await (await authorityOf('Genoa')).issueAsk({ replaceExtensions: without });
      return { evidence: { intermediates: [ask.der] } };
    },
  ],
  [
    'a time after the ARK',
    'VCEK_EXPIRED',
    () => ({ evidence: { now: new Date(now.getTime() + 30 * YEAR_MS) } }),
  ],
  ['a time that is none', 'VCEK_EXPIRED', () => ({ evidence: { now: new Date(Number.NaN) } })],
  ['a list that is none', 'CRL_MALFORMED', () => ({ evidence: { crl: Uint8Array.of(0x30, 0) } })],
  ['an empty list', 'CRL_MALFORMED', () => ({ evidence: { crl: new Uint8Array(0) } })],
  [
    'a list that the ASK signed',
    'CRL_SIGNATURE_INVALID',
    async () => {
      const authority = await authorityOf('Genoa');
      return { evidence: { crl: await authority.issueCrl({ signedBy: authority.keys.ask }) } };
    },
  ],
  [
    "another product's list",
    'CRL_SIGNATURE_INVALID',
    async () => ({ evidence: { crl: await (await authorityOf('Milan')).issueCrl() } }),
  ],
  [
    'an expired list',
    'CRL_EXPIRED',
    async () => ({ evidence: { crl: await (await authorityOf('Genoa')).issueCrl({ nextUpdate: earlier }) } }),
  ],
  [
    'a list of the future',
    'CRL_NOT_YET_VALID',
    async () => ({ evidence: { crl: await (await authorityOf('Genoa')).issueCrl({ thisUpdate: later }) } }),
  ],
  [
    'a list that names the ASK',
    'ASK_REVOKED',
    async () => ({
      evidence: { crl: await (await authorityOf('Genoa')).issueCrl({ revoked: [7, 0x20002] }) },
    }),
  ],
  [
    'a list that names the ARK',
    'ARK_REVOKED',
    async () => ({ evidence: { crl: await (await authorityOf('Genoa')).issueCrl({ revoked: [0x20000] }) } }),
  ],
  [
    'a list that names the ASVK of a VLEK',
    'ASK_REVOKED',
    async () => ({
      vlek: { cspId: 'example' },
      evidence: { crl: await (await authorityOf('Genoa')).issueCrl({ revoked: [0x20101] }) },
    }),
  ],
];

const production: readonly Case[] = (['Milan', 'Genoa', 'Turin'] as const).map((product) => ({
  name: `AMD's anchors refuse what a simulator issues for ${product}, whatever comes with it`,
  run: async () => {
    const { anchors, ...evidence } = await evidenceOf({ product });
    expectTrue(anchors !== undefined, 'the simulator names its anchors');
    await expectRefused(() => authenticateSnp(evidence), 'VCEK_CHAIN_INVALID', 'with built-in intermediates');
    const { ask, ark } = await authorityOf(product);
    const withAsk = { ...evidence, intermediates: [ask.der] };
    await expectRefused(() => authenticateSnp(withAsk), 'ASK_INVALID', 'with its ASK');
    const withArk = { ...evidence, intermediates: [ask.der, ark.der] };
    await expectRefused(() => authenticateSnp(withArk), 'ARK_UNTRUSTED', 'with its ARK');
  },
}));

export const suite: Suite = {
  name: 'SNP, simulated',
  cases: [
    ...accepted,
    ...refused.map(([name, code, scene]) => ({
      name: `${name}: refused, ${code}`,
      run: async () => {
        const evidence = await evidenceOf(await scene());
        await expectRefused(() => authenticateSnp(evidence), code);
      },
    })),
    ...production,
    {
      name: "a Turin VCEK's extensions read back as they were asked for",
      run: async () => {
        const { certificate } = await (
          await authorityOf('Turin')
        ).issueVcek({ chipId: turinChipId, tcb: turinTcb });
        const vek = parseVek(certificate.der);
        expectEqual([vek.tcb, vek.hwid, vek.structVersion], [turinTcb, turinChipId, 1]);
      },
    },
  ],
};
