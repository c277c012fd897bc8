/** What is not authentic is refused, each defect by its own code. */
import { concatBytes, latin1, toHex, utf8 } from '@vitrine/bytes';
import {
  type TdxCollateral,
  authenticateTdx,
  intelRootCa,
  intelRootCaSha256,
  parseTdxQuote,
} from '@vitrine/evidence/tdx';
import {
  createTdxAuthority,
  createTdxPlatform,
  generateKey,
  issueTdxCollateral,
  issueTdxQuote,
  simulatedSerialNumbers,
} from '@vitrine/simtee';
import { sha256 } from '@vitrine/bytes';
import { type Case, type Suite, expectEqual, expectRefused, expectTrue } from '../suite.ts';
import { type EvidenceRequest, authenticated, evidenceOf, now, simulated, without } from './simulated.ts';

const stranger = generateKey('P-256');

const refusals: readonly (readonly [string, string, () => Promise<EvidenceRequest> | EvidenceRequest])[] = [
  [
    'a quote signed by another key',
    'QUOTE_SIGNATURE_INVALID',
    () => ({ quote: { defect: 'wrong-attestation-key' } }),
  ],
  [
    'a QE report that the PCK did not sign',
    'QE_REPORT_SIGNATURE_INVALID',
    () => ({ quote: { defect: 'wrong-pck' } }),
  ],
  [
    'a QE report that names another attestation key',
    'AK_BINDING_INVALID',
    () => ({ quote: { defect: 'wrong-binding' } }),
  ],
  [
    'a QE report whose second half of report data is not zero',
    'AK_BINDING_INVALID',
    () => ({ quote: { defect: 'binding-not-zero' } }),
  ],
  ['a QE of another vendor', 'QE_VENDOR_UNKNOWN', () => ({ quote: { qeVendorId: new Uint8Array(16) } })],
  ['a revoked PCK', 'PCK_REVOKED', () => ({ collateral: { revokedPck: [simulatedSerialNumbers.pck] } })],
  [
    'a revoked Platform CA',
    'INTERMEDIATE_REVOKED',
    () => ({ collateral: { revokedByRoot: [simulatedSerialNumbers.platformCa] } }),
  ],
  [
    'a revoked TCB signing certificate',
    'TCB_SIGNING_REVOKED',
    () => ({ collateral: { revokedByRoot: [simulatedSerialNumbers.tcbSigning] } }),
  ],
  [
    'a PCK list that is out of date',
    'PCK_CRL_EXPIRED',
    () => ({ collateral: { pckCrlNextUpdate: new Date('2025-01-09T00:00:00Z') } }),
  ],
  [
    'a root list that is out of date',
    'ROOT_CRL_EXPIRED',
    () => ({ collateral: { rootCrlNextUpdate: new Date('2025-01-09T00:00:00Z') } }),
  ],
  [
    'a PCK list signed by a stranger',
    'PCK_CRL_INVALID',
    async () => ({ collateral: { pckCrlSigner: await stranger } }),
  ],
  [
    'a root list signed by a stranger',
    'ROOT_CRL_INVALID',
    async () => ({ collateral: { rootCrlSigner: await stranger } }),
  ],
  [
    'a PCK that is expired',
    'PCK_EXPIRED',
    () => ({ platform: { notAfter: new Date('2025-01-09T00:00:00Z') } }),
  ],
  [
    'a PCK that is not valid yet',
    'PCK_NOT_YET_VALID',
    () => ({ platform: { notBefore: new Date('2025-01-11T00:00:00Z') } }),
  ],
  [
    'a PCK without the SGX extension',
    'PCK_EXTENSION_INVALID',
    () => ({ platform: { withoutSgxExtension: true } }),
  ],
  [
    'TCB info signed by a stranger',
    'TCB_INFO_SIGNATURE_INVALID',
    async () => ({ collateral: { tcbInfoSigner: await stranger } }),
  ],
  [
    'QE identity signed by a stranger',
    'QE_IDENTITY_SIGNATURE_INVALID',
    async () => ({ collateral: { qeIdentitySigner: await stranger } }),
  ],
  [
    'TCB info of another platform',
    'PCK_FMSPC_MISMATCH',
    () => ({ collateral: { fmspc: new Uint8Array(6) } }),
  ],
  ['TCB info of another PCE', 'PCK_PCEID_MISMATCH', () => ({ collateral: { pceId: Uint8Array.of(0, 1) } })],
  ['TCB info of SGX', 'TCB_INFO_ID_INVALID', () => ({ collateral: { tcbInfoId: 'SGX' } })],
  ['TCB info of version 2', 'TCB_INFO_VERSION_INVALID', () => ({ collateral: { tcbInfoVersion: 2 } })],
  [
    'QE identity of the SGX quoting enclave',
    'QE_IDENTITY_ID_INVALID',
    () => ({ collateral: { qeIdentityId: 'QE' } }),
  ],
  [
    'QE identity of version 3',
    'QE_IDENTITY_VERSION_INVALID',
    () => ({ collateral: { qeIdentityVersion: 3 } }),
  ],
  [
    'QE identity with another MRSIGNER',
    'QE_IDENTITY_MRSIGNER_MISMATCH',
    () => ({ collateral: { qeMrSigner: new Uint8Array(32) } }),
  ],
  [
    'QE identity with another ISVPRODID',
    'QE_IDENTITY_FIELD_MISMATCH',
    () => ({ collateral: { qeIsvProdId: 3 } }),
  ],
  [
    'a QE with another MISCSELECT',
    'QE_IDENTITY_FIELD_MISMATCH',
    () => ({ quote: { qe: { miscSelect: Uint8Array.of(1, 0, 0, 0) } } }),
  ],
  [
    'a QE in debug mode',
    'QE_IDENTITY_FIELD_MISMATCH',
    () => ({
      quote: { qe: { attributes: Uint8Array.of(0x13, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0, 0, 0, 0, 0, 0, 0) } },
    }),
  ],
  [
    'a TDX module of another signer',
    'TDX_MODULE_MISMATCH',
    () => ({ quote: { mrSignerSeam: new Uint8Array(48).fill(1) } }),
  ],
  [
    'a TDX module with SEAM attributes',
    'TDX_MODULE_MISMATCH',
    () => ({ quote: { seamAttributes: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) } }),
  ],
  [
    'a TDX module of a version that TCB info does not know',
    'TDX_MODULE_MISMATCH',
    () => ({ quote: { teeTcbSvn: Uint8Array.of(5, 9, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) } }),
  ],
  [
    'TCB info that is out of date',
    'TCB_INFO_EXPIRED',
    () => ({ collateral: { nextUpdate: new Date('2025-01-09T00:00:00Z') } }),
  ],
  [
    'TCB info of the future',
    'TCB_INFO_NOT_YET_VALID',
    () => ({ collateral: { issueDate: new Date('2025-01-11T00:00:00Z') } }),
  ],
];

const refused: Case[] = refusals.map(([what, code, request]) => ({
  name: `${what} is refused as ${code}`,
  run: async () => {
    const evidence = await evidenceOf(await request());
    await expectRefused(() => authenticateTdx(evidence), code);
  },
}));

const badCollateral: readonly (readonly [keyof TdxCollateral, Uint8Array, string])[] = [
  ['pckCrl', utf8('garbage'), 'PCK_CRL_MALFORMED'],
  ['pckCrl', new Uint8Array(0), 'PCK_CRL_MALFORMED'],
  ['rootCrl', utf8('garbage'), 'ROOT_CRL_MALFORMED'],
  ['rootCrl', new Uint8Array(0), 'ROOT_CRL_MALFORMED'],
  ['tcbInfo', utf8('{}'), 'TCB_INFO_MALFORMED'],
  ['tcbInfo', new Uint8Array(0), 'TCB_INFO_MALFORMED'],
  ['qeIdentity', utf8('[]'), 'QE_IDENTITY_MALFORMED'],
  ['tcbInfoIssuerChain', utf8('none'), 'TCB_INFO_CHAIN_INVALID'],
  ['qeIdentityIssuerChain', utf8('none'), 'QE_IDENTITY_CHAIN_INVALID'],
  ['pckCrlIssuerChain', utf8('none'), 'PCK_CRL_INVALID'],
];

const malformed: Case[] = badCollateral.map(([part, bytes, code]) => ({
  name: `${part} of ${bytes.length} bytes that are none is refused as ${code}, not passed over`,
  run: async () => {
    const evidence = await evidenceOf();
    const collateral = { ...evidence.collateral, [part]: bytes };
    await expectRefused(() => authenticateTdx({ ...evidence, collateral }), code);
  },
}));

/** Collateral of another authority of the same names. */
const swaps: readonly (readonly [readonly (keyof TdxCollateral)[], string])[] = [
  [['tcbInfoIssuerChain'], 'TCB_INFO_CHAIN_INVALID'],
  [['qeIdentityIssuerChain'], 'QE_IDENTITY_CHAIN_INVALID'],
  [['tcbInfo'], 'TCB_INFO_SIGNATURE_INVALID'],
  [['qeIdentity'], 'QE_IDENTITY_SIGNATURE_INVALID'],
  [['tcbInfo', 'tcbInfoIssuerChain'], 'TCB_INFO_CHAIN_INVALID'],
  [['qeIdentity', 'qeIdentityIssuerChain'], 'QE_IDENTITY_CHAIN_INVALID'],
  [['pckCrl'], 'PCK_CRL_INVALID'],
  [['pckCrl', 'pckCrlIssuerChain'], 'PCK_CRL_INVALID'],
  [['rootCrl'], 'ROOT_CRL_INVALID'],
];

const swapped: Case[] = swaps.map(([parts, code]) => ({
  name: `${parts.join(' and ')} of another authority of the same names is refused as ${code}`,
  run: async () => {
    const { platform } = await simulated();
    const evidence = await evidenceOf();
    const foreign = await issueTdxCollateral(await createTdxAuthority(), platform);
    const collateral = {
      ...evidence.collateral,
      ...Object.fromEntries(parts.map((part) => [part, foreign[part]])),
    };
    await expectRefused(() => authenticateTdx({ ...evidence, collateral }), code);
  },
}));

const accepted: Case[] = [
  ...(['v4', 'v5-td1.0', 'v5-td1.5'] as const).map((format) => ({
    name: `a simulated quote ${format} is authentic, its TCB up to date, every check passed`,
    run: async () => {
      const result = await authenticated({ quote: { format } });
      expectEqual(result.tcb.status, 'UpToDate');
      expectEqual(result.revocation, 'checked');
      expectEqual(result.isProduction, false);
      expectEqual(
        result.checks.filter(({ outcome }) => outcome !== 'pass'),
        [],
      );
      expectTrue(result.checks.length >= 11, 'eleven checks at least');
    },
  })),
  {
    name: 'production anchors refuse every simulated quote, with and without collateral',
    run: async () => {
      for (const format of ['v4', 'v5-td1.0', 'v5-td1.5'] as const) {
        const evidence = without(await evidenceOf({ quote: { format } }), 'anchors');
        await expectRefused(() => authenticateTdx(evidence), 'ROOT_CA_UNTRUSTED');
        await expectRefused(() => authenticateTdx({ quote: evidence.quote, now }), 'ROOT_CA_UNTRUSTED');
      }
    },
  },
  {
    name: 'a quote of another authority of the same names is refused',
    run: async () => {
      const other = await createTdxAuthority();
      const quote = await issueTdxQuote(await createTdxPlatform(other));
      const evidence = await evidenceOf();
      await expectRefused(() => authenticateTdx({ ...evidence, quote }), 'ROOT_CA_UNTRUSTED');
    },
  },
  {
    name: 'an intermediate authority of another root is refused though the root in the chain is trusted',
    run: async () => {
      const { authority } = await simulated();
      const other = await createTdxAuthority();
      const platform = await createTdxPlatform({ ...other, root: authority.root });
      const evidence = await evidenceOf();
      const quote = await issueTdxQuote(platform);
      await expectRefused(() => authenticateTdx({ ...evidence, quote }), 'PCK_CHAIN_INVALID');
    },
  },
  {
    name: 'no anchors trust nothing',
    run: async () => {
      const evidence = await evidenceOf();
      await expectRefused(() => authenticateTdx({ ...evidence, anchors: [] }), 'ROOT_CA_UNTRUSTED');
    },
  },
  {
    name: 'a chain without its root is incomplete',
    run: async () => {
      const { platform } = await simulated();
      const blocks = platform.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
      const quote = await issueTdxQuote({ ...platform, chainPem: blocks.slice(0, 2).join('') });
      const evidence = await evidenceOf();
      await expectRefused(() => authenticateTdx({ ...evidence, quote }), 'PCK_CHAIN_INCOMPLETE');
      const doubled = await issueTdxQuote({ ...platform, chainPem: [...blocks, blocks[2]].join('') });
      await expectRefused(() => authenticateTdx({ ...evidence, quote: doubled }), 'PCK_CHAIN_INVALID');
      const talkative = await issueTdxQuote({ ...platform, chainPem: `hello\n${platform.chainPem}` });
      await expectRefused(() => authenticateTdx({ ...evidence, quote: talkative }), 'PCK_CHAIN_INVALID');
    },
  },
  {
    name: 'a TCB signing certificate is no Platform CA, and a PCK certificate signs no TCB info',
    run: async () => {
      const { authority, platform } = await simulated();
      const evidence = await evidenceOf();
      const chain = utf8(platform.chainPem);
      const collateral = { ...evidence.collateral, tcbInfoIssuerChain: chain };
      await expectRefused(() => authenticateTdx({ ...evidence, collateral }), 'TCB_INFO_CHAIN_INVALID');
      const pretender = await createTdxPlatform({ ...authority, platformCa: authority.tcbSigning });
      const quote = await issueTdxQuote(pretender);
      await expectRefused(() => authenticateTdx({ ...evidence, quote }), 'PCK_CHAIN_INVALID');
    },
  },
  {
    name: 'without collateral the signatures are proven, and revocation and TCB are said not to be checked',
    run: async () => {
      const { quote, anchors } = await evidenceOf();
      const result = await authenticateTdx({ quote, anchors, now });
      expectEqual(result.tcb.status, 'not-checked');
      expectEqual(result.revocation, 'not-checked');
      expectEqual(
        result.checks.filter(({ outcome }) => outcome === 'not-checked').map(({ rule }) => rule),
        [
          'tdx.revocation.root',
          'tdx.revocation.pck',
          'tdx.tcb-info.signature',
          'tdx.qe-identity.signature',
          'tdx.qe-identity',
          'tdx.tcb-info.platform',
          'tdx.tcb-info.module',
          'tdx.tcb',
        ],
      );
    },
  },
  {
    name: 'collateral whose issuer chain is missing yields no TCB status',
    run: async () => {
      const evidence = await evidenceOf();
      const collateral = without(evidence.collateral, 'tcbInfoIssuerChain', 'qeIdentityIssuerChain');
      const result = await authenticateTdx({ ...evidence, collateral });
      expectEqual(result.tcb.status, 'not-checked');
      expectEqual(result.tcb.evaluationDataNumbers, { tcbInfo: undefined, qeIdentity: undefined });
    },
  },
  {
    name: 'a list of revoked PCKs is taken without its issuer chain: the quote has it',
    run: async () => {
      const evidence = await evidenceOf();
      const collateral = without(evidence.collateral, 'pckCrlIssuerChain');
      expectEqual((await authenticateTdx({ ...evidence, collateral })).revocation, 'checked');
      const half = without(collateral, 'rootCrl');
      expectEqual((await authenticateTdx({ ...evidence, collateral: half })).revocation, 'not-checked');
    },
  },
  {
    name: 're-indented TCB info is refused: the signature is over the bytes as they stand',
    run: async () => {
      const evidence = await evidenceOf();
      const tcbInfo = utf8(JSON.stringify(JSON.parse(latin1(evidence.collateral.tcbInfo)), null, 1));
      const collateral = { ...evidence.collateral, tcbInfo };
      await expectRefused(() => authenticateTdx({ ...evidence, collateral }), 'TCB_INFO_SIGNATURE_INVALID');
    },
  },
  {
    name: 'a time that is no time is refused',
    run: async () => {
      const evidence = await evidenceOf();
      await expectRefused(() => authenticateTdx({ ...evidence, now: new Date(NaN) }), 'TCB_INFO_EXPIRED');
      await expectRefused(
        () => authenticateTdx({ quote: evidence.quote, anchors: evidence.anchors, now: new Date(NaN) }),
        'PCK_EXPIRED',
      );
    },
  },
  {
    name: 'padding behind the quote is kept and told, or refused on request',
    run: async () => {
      const evidence = await evidenceOf();
      const quote = concatBytes(evidence.quote, new Uint8Array(100));
      const result = await authenticateTdx({ ...evidence, quote });
      expectEqual(result.quote.trailingBytes.length, 100);
      expectTrue(result.checks[0]!.found.includes('100 bytes behind it'), 'the check tells of them');
      await expectRefused(() => parseTdxQuote(quote, { trailing: 'refuse' }), 'QUOTE_MALFORMED');
    },
  },
  {
    name: 'a buffer that changes during verification changes nothing',
    run: async () => {
      const evidence = await evidenceOf({ quote: { reportData: new Uint8Array(64).fill(7) } });
      const promise = authenticateTdx(evidence);
      evidence.quote.fill(0);
      evidence.collateral.tcbInfo.fill(0);
      expectEqual((await promise).quote.body.reportData, new Uint8Array(64).fill(7));
    },
  },
  {
    name: 'the embedded root is the one that its digest names',
    run: async () => {
      expectEqual(toHex(await sha256(intelRootCa().der)), intelRootCaSha256);
      expectEqual(intelRootCa().serialNumber, '22650cd65a9d3489f383b49552bf501b392706ac');
    },
  },
];

export const authenticity: Suite = {
  name: 'tdx authenticity',
  cases: [...accepted, ...refused, ...malformed, ...swapped],
};
