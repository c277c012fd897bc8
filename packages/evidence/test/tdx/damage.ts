/** Every bit counts, every length is exact, and no bytes make a parser stumble. */
import { concatBytes } from '@vitrine/bytes';
import {
  type TdxErrorCode,
  type TdxEvidence,
  type TdxQuote,
  authenticateTdx,
  parseTdxQuote,
} from '@vitrine/evidence/tdx';
import { issueTdxQuote } from '@vitrine/simtee';
import { bitsOf, refuseBits } from '../flips.ts';
import { type Case, type Suite, expectEqual, expectRefused, expectTrue } from '../suite.ts';
import { evidenceOf, now, simulated } from './simulated.ts';

/** Signatures and chain only: what an altered quote breaks. */
async function structural(): Promise<{
  readonly evidence: TdxEvidence;
  readonly bytes: Uint8Array;
  readonly quote: TdxQuote;
}> {
  const { quote: bytes, anchors } = await evidenceOf();
  return { evidence: { quote: bytes, anchors, now }, bytes, quote: parseTdxQuote(bytes) };
}

/** The chain of the simulated platform, another leaf in the place of its own, as DER: it is read in less time than PEM. */
async function derChain(leaf?: Uint8Array): Promise<Uint8Array> {
  const { authority, platform } = await simulated();
  const [own, platformCa, root] = [platform.pck, authority.platformCa, authority.root].map(
    ({ certificate }) => certificate.der,
  );
  return concatBytes(leaf ?? own!, platformCa!, root!);
}

const quoteCodes: readonly TdxErrorCode[] = [
  'QUOTE_TRUNCATED',
  'QUOTE_MALFORMED',
  'QUOTE_FORMAT_UNSUPPORTED',
  'ATTESTATION_KEY_TYPE_UNSUPPORTED',
  'WRONG_TEE_TYPE',
  'QE_VENDOR_UNKNOWN',
  'QUOTE_SIGNATURE_INVALID',
  'QE_REPORT_SIGNATURE_INVALID',
  'AK_BINDING_INVALID',
  'PCK_CHAIN_INVALID',
  'PCK_CHAIN_INCOMPLETE',
];
const pckCodes: readonly TdxErrorCode[] = [
  'PCK_CHAIN_INVALID',
  'PCK_EXPIRED',
  'PCK_NOT_YET_VALID',
  'QE_REPORT_SIGNATURE_INVALID',
];
const collateralCodes = (document: 'TCB_INFO' | 'QE_IDENTITY'): readonly TdxErrorCode[] => [
  `${document}_MALFORMED`,
  `${document}_ID_INVALID`,
  `${document}_VERSION_INVALID`,
  `${document}_EXPIRED`,
  `${document}_NOT_YET_VALID`,
  `${document}_SIGNATURE_INVALID`,
];
const crlCodes = (list: 'PCK' | 'ROOT'): readonly TdxErrorCode[] => [
  `${list}_CRL_MALFORMED`,
  `${list}_CRL_INVALID`,
  `${list}_CRL_EXPIRED`,
  `${list}_CRL_NOT_YET_VALID`,
];

const flips: Case[] = [
  {
    name: 'every bit of header, body, signature, attestation key, QE report, its signature, authentication data and lengths',
    run: async () => {
      const { evidence, bytes: withPem, quote } = await structural();
      const bytes = withChain(withPem, quote, await derChain());
      const chainAt = quote.pckChain.byteOffset - withPem.byteOffset;
      expectTrue(quote.raw.length - chainAt === quote.pckChain.length, 'the chain comes last');
      const attempt = (damaged: Uint8Array) => authenticateTdx({ ...evidence, quote: damaged });
      const counts = await refuseBits(bytes, bitsOf(0, chainAt), attempt, quoteCodes);
      const signatures = ['QUOTE_SIGNATURE_INVALID', 'QE_REPORT_SIGNATURE_INVALID'] as const;
      for (const code of signatures) expectTrue(counts[code]! > 2000, `many bits reach ${code}`);
    },
  },
  {
    name: 'every bit of the PCK certificate',
    run: async () => {
      const { platform } = await simulated();
      const { evidence, bytes, quote } = await structural();
      const leaf = platform.pck.certificate.der;
      const attempt = async (damaged: Uint8Array) =>
        authenticateTdx({ ...evidence, quote: withChain(bytes, quote, await derChain(damaged)) });
      expectEqual((await attempt(leaf)).tcb.status, 'not-checked');
      const counts = await refuseBits(leaf, bitsOf(0, leaf.length), attempt, pckCodes);
      expectTrue(counts['PCK_CHAIN_INVALID']! > leaf.length * 6, 'most bits are for the chain to refuse');
    },
  },
  {
    name: 'every bit of the chain as PEM, text and all',
    onlyLong: true,
    run: async () => {
      const { evidence, bytes, quote } = await structural();
      const chainAt = quote.pckChain.byteOffset - bytes.byteOffset;
      const attempt = (damaged: Uint8Array) => authenticateTdx({ ...evidence, quote: damaged });
      await refuseBits(bytes, bitsOf(chainAt, bytes.length), attempt, [
        ...pckCodes,
        'PCK_CHAIN_INCOMPLETE',
        'ROOT_CA_UNTRUSTED',
      ]);
    },
  },
  ...(
    [
      ['tcbInfo', collateralCodes('TCB_INFO')],
      ['qeIdentity', collateralCodes('QE_IDENTITY')],
      ['pckCrl', crlCodes('PCK')],
      ['rootCrl', crlCodes('ROOT')],
    ] as const
  ).map(([name, codes]) => ({
    name: `every bit of ${name}`,
    run: async () => {
      const { authority } = await simulated();
      const signers = concatBytes(authority.tcbSigning.certificate.der, authority.root.certificate.der);
      const { quote, anchors, collateral: published } = await evidenceOf();
      const collateral = {
        ...published,
        tcbInfoIssuerChain: signers,
        qeIdentityIssuerChain: signers,
        pckCrlIssuerChain: concatBytes(authority.platformCa.certificate.der, authority.root.certificate.der),
      };
      const document = collateral[name];
      const evidence = { quote: withChain(quote, parseTdxQuote(quote), await derChain()), anchors, now };
      const attempt = (damaged: Uint8Array) =>
        authenticateTdx({ ...evidence, collateral: { ...collateral, [name]: damaged } });
      await refuseBits(document, bitsOf(0, document.length), attempt, codes);
    },
  })),
];

/** The quote with another chain, its three lengths adapted. */
function withChain(bytes: Uint8Array, quote: TdxQuote, chain: Uint8Array): Uint8Array {
  const chainAt = quote.pckChain.byteOffset - bytes.byteOffset;
  const result = concatBytes(bytes.subarray(0, chainAt), chain);
  const view = new DataView(result.buffer);
  const change = chain.length - quote.pckChain.length;
  for (const at of [quote.signedBytes.length, quote.signedBytes.length + 4 + 128 + 2, chainAt - 4])
    view.setUint32(at, view.getUint32(at, true) + change, true);
  return result;
}

const lengths: Case[] = [
  {
    name: 'every truncation of a quote is refused as one',
    run: async () => {
      for (const format of ['v4', 'v5-td1.0', 'v5-td1.5'] as const) {
        const quote = await issueTdxQuote((await simulated()).platform, { format });
        for (let length = 0; length < quote.length; length++)
          await expectRefused(
            () => parseTdxQuote(quote.subarray(0, length)),
            'QUOTE_TRUNCATED',
            `${format} ${length}`,
          );
      }
    },
  },
  {
    name: 'a byte more within the signature data is refused, at each of its three ends',
    run: async () => {
      const { bytes, quote } = await structural();
      const grown = concatBytes(bytes, Uint8Array.of(0));
      const outer = quote.signedBytes.length;
      const certification = outer + 4 + 128 + 2;
      const chainAt = quote.pckChain.byteOffset - bytes.byteOffset;
      const enlarge = (...places: readonly number[]): Uint8Array => {
        const result = grown.slice();
        const view = new DataView(result.buffer);
        for (const at of places) view.setUint32(at, view.getUint32(at, true) + 1, true);
        return result;
      };
      await expectRefused(() => parseTdxQuote(enlarge(outer)), 'QUOTE_MALFORMED');
      await expectRefused(() => parseTdxQuote(enlarge(outer, certification)), 'QUOTE_MALFORMED');
      const whole = enlarge(outer, certification, chainAt - 4);
      expectEqual(parseTdxQuote(whole).trailingBytes.length, 0);
      const { evidence } = await structural();
      await expectRefused(
        () =>
          authenticateTdx({ ...evidence, quote: concatBytes(whole.subarray(0, -1), Uint8Array.of(0x41)) }),
        'PCK_CHAIN_INVALID',
      );
    },
  },
  {
    name: 'versions, key types, TEE types and body types that are not supported are refused by name',
    run: async () => {
      const { platform } = await simulated();
      const v4 = await issueTdxQuote(platform);
      const v5 = await issueTdxQuote(platform, { format: 'v5-td1.5' });
      const patched = (quote: Uint8Array, at: number, value: number): Uint8Array => {
        const result = quote.slice();
        result[at] = value;
        return result;
      };
      await expectRefused(() => parseTdxQuote(patched(v4, 0, 3)), 'QUOTE_FORMAT_UNSUPPORTED');
      await expectRefused(() => parseTdxQuote(patched(v4, 0, 6)), 'QUOTE_FORMAT_UNSUPPORTED');
      await expectRefused(() => parseTdxQuote(patched(v4, 2, 3)), 'ATTESTATION_KEY_TYPE_UNSUPPORTED');
      await expectRefused(() => parseTdxQuote(patched(v4, 4, 0)), 'WRONG_TEE_TYPE');
      await expectRefused(() => parseTdxQuote(patched(v5, 48, 1)), 'WRONG_TEE_TYPE');
      await expectRefused(() => parseTdxQuote(patched(v5, 48, 4)), 'QUOTE_FORMAT_UNSUPPORTED');
      await expectRefused(() => parseTdxQuote(patched(v5, 48, 2)), 'QUOTE_MALFORMED');
      await expectRefused(() => parseTdxQuote(patched(v4, 636 + 128, 5)), 'QUOTE_FORMAT_UNSUPPORTED');
    },
  },
];

export const damage: Suite = { name: 'tdx damage', cases: [...flips, ...lengths] };
