/** Every bit counts, every length is exact, and no bytes make a parser stumble. */
import { concatBytes, utf8 } from '@vitrine/bytes';
import {
  type TdxEvidence,
  type TdxQuote,
  authenticateTdx,
  isSignedJson,
  parseCcel,
  parsePck,
  parseQeIdentity,
  parseSgxExtension,
  parseTcbInfo,
  parseTdxQuote,
  replayEvents,
  sgxExtensionOid,
} from '@vitrine/evidence/tdx';
import { issueTdxQuote, writeCcel } from '@vitrine/simtee';
import { fuzz, withBitFlipped } from '../mutation.ts';
import {
  type Case,
  ExpectationError,
  type Suite,
  codeOf,
  expectEqual,
  expectRefused,
  expectTrue,
} from '../suite.ts';
import { evidenceOf, now, simulated } from './simulated.ts';

/** Refuses all bits of a range; sixteen at a time, since signatures are verified by other threads. */
async function refusesAllBits(
  bytes: Uint8Array,
  fromByte: number,
  toByte: number,
  attempt: (damaged: Uint8Array) => Promise<unknown>,
): Promise<void> {
  const end = toByte * 8;
  for (let bit = fromByte * 8; bit < end; bit += 16) {
    const bits = Array.from({ length: Math.min(16, end - bit) }, (_, index) => bit + index);
    await Promise.all(
      bits.map(async (one) => {
        try {
          await attempt(withBitFlipped(bytes, one));
        } catch (error) {
          if (codeOf(error) !== undefined) return;
          throw error;
        }
        throw new ExpectationError(`bit ${one} was flipped, and it was accepted`);
      }),
    );
  }
}

/** Signatures and chain only: what an altered quote breaks. */
async function structural(): Promise<{
  readonly evidence: TdxEvidence;
  readonly bytes: Uint8Array;
  readonly quote: TdxQuote;
}> {
  const { quote: bytes, anchors } = await evidenceOf();
  return { evidence: { quote: bytes, anchors, now }, bytes, quote: parseTdxQuote(bytes) };
}

const flips: Case[] = [
  {
    name: 'every bit of header, body, signature, attestation key, QE report, its signature, authentication data and lengths',
    run: async () => {
      const { evidence, bytes, quote } = await structural();
      const chainAt = quote.pckChain.byteOffset - bytes.byteOffset;
      expectTrue(quote.raw.length - chainAt === quote.pckChain.length, 'the chain comes last');
      await refusesAllBits(bytes, 0, chainAt, (damaged) => authenticateTdx({ ...evidence, quote: damaged }));
    },
  },
  {
    name: 'every bit of the PCK certificate',
    run: async () => {
      const { authority, platform } = await simulated();
      const { evidence, bytes, quote } = await structural();
      const leaf = platform.pck.certificate.der;
      const rest = concatBytes(authority.platformCa.certificate.der, authority.root.certificate.der);
      const attempt = (damaged: Uint8Array) =>
        authenticateTdx({ ...evidence, quote: withChain(bytes, quote, concatBytes(damaged, rest)) });
      expectEqual((await attempt(leaf)).tcb.status, 'not-checked');
      await refusesAllBits(leaf, 0, leaf.length, attempt);
    },
  },
  {
    name: 'every bit of the chain as PEM, text and all',
    onlyLong: true,
    run: async () => {
      const { evidence, bytes, quote } = await structural();
      const chainAt = quote.pckChain.byteOffset - bytes.byteOffset;
      await refusesAllBits(bytes, chainAt, bytes.length, (damaged) =>
        authenticateTdx({ ...evidence, quote: damaged }),
      );
    },
  },
  {
    name: 'every bit of TCB info',
    run: async () => {
      const { authority } = await simulated();
      const { tcbInfo } = (await evidenceOf()).collateral;
      await refusesAllBits(tcbInfo, 0, tcbInfo.length, async (damaged) => {
        if (!(await isSignedJson(parseTcbInfo(damaged).signed, authority.tcbSigning.certificate)))
          throw unsigned();
      });
    },
  },
  {
    name: 'every bit of QE identity',
    run: async () => {
      const { authority } = await simulated();
      const { qeIdentity } = (await evidenceOf()).collateral;
      await refusesAllBits(qeIdentity, 0, qeIdentity.length, async (damaged) => {
        if (!(await isSignedJson(parseQeIdentity(damaged).signed, authority.tcbSigning.certificate)))
          throw unsigned();
      });
    },
  },
  ...(['pckCrl', 'rootCrl'] as const).map((name) => ({
    name: `every bit of ${name}`,
    run: async () => {
      const { quote, anchors, collateral } = await evidenceOf();
      const list = collateral[name];
      const attempt = (damaged: Uint8Array) =>
        authenticateTdx({ quote, anchors, now, collateral: { [name]: damaged } });
      await attempt(list);
      await refusesAllBits(list, 0, list.length, attempt);
    },
  })),
  {
    name: 'every hundredth bit of all collateral is refused by the whole verification too',
    run: async () => {
      const evidence = await evidenceOf();
      for (const name of ['tcbInfo', 'qeIdentity'] as const) {
        const document = evidence.collateral[name];
        for (let bit = 0; bit < document.length * 8; bit += 101) {
          const collateral = { ...evidence.collateral, [name]: withBitFlipped(document, bit) };
          try {
            await authenticateTdx({ ...evidence, collateral });
          } catch (error) {
            if (codeOf(error) !== undefined) continue;
            throw error;
          }
          throw new ExpectationError(`${name}: bit ${bit} was flipped, and it was accepted`);
        }
      }
    },
  },
];

function unsigned(): Error {
  return Object.assign(new Error('not signed'), { name: 'EvidenceError', code: 'UNSIGNED' });
}

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

const mutants: Case[] = [
  {
    name: '100,000 mutants of quotes yield quotes or typed errors',
    run: async () => {
      const { platform } = await simulated();
      // The chain is not looked into here, and a short one makes more of the mutants differ where the parser reads.
      const short = { ...platform, chainPem: 'chain' };
      const seeds = await Promise.all(
        (['v4', 'v5-td1.0', 'v5-td1.5'] as const).map((format) => issueTdxQuote(short, { format })),
      );
      await fuzz(seeds, 100_000, (bytes) => parseTdxQuote(bytes));
    },
  },
  {
    name: '100,000 mutants of TCB info yield TCB info or typed errors',
    run: async () => fuzz([(await evidenceOf()).collateral.tcbInfo], 100_000, parseTcbInfo),
  },
  {
    name: '100,000 mutants of QE identity yield identities or typed errors',
    run: async () => fuzz([(await evidenceOf()).collateral.qeIdentity], 100_000, parseQeIdentity),
  },
  {
    name: '100,000 mutants of the SGX extension yield extensions or typed errors',
    run: async () => {
      const { certificate } = (await simulated()).platform.pck;
      expectEqual(parsePck(certificate).componentSvns.length, 16);
      await fuzz([certificate.extensions.get(sgxExtensionOid)!.value], 100_000, parseSgxExtension);
    },
  },
  {
    name: '100,000 mutants of event logs yield logs or typed errors',
    run: async () => fuzz([await sampleLog()], 100_000, parseCcel),
  },
];

function sampleLog(paddingBytes = 64): Promise<Uint8Array> {
  return writeCcel(
    [
      { rtmr: 'mrtd', eventType: 0x80000008, data: utf8('firmware') },
      { rtmr: 0, eventType: 4, data: new Uint8Array(4) },
      { rtmr: 1, eventType: 0x80000007, data: utf8('Calling EFI Application from Boot Option') },
      { rtmr: 2, eventType: 3, data: utf8('not extended') },
      { rtmr: 3, eventType: 13, data: utf8('initrd') },
    ],
    paddingBytes,
  );
}

const eventLogs: Case[] = [
  {
    name: 'events of type EV_NO_ACTION and events of MRTD are not extended',
    run: async () => {
      const log = parseCcel(await sampleLog());
      expectEqual([log.events.length, log.paddingBytes], [5, 64]);
      const rtmrs = await replayEvents(log.events);
      expectEqual(
        rtmrs.map((rtmr) => rtmr.some((byte) => byte !== 0)),
        [true, true, false, true],
      );
    },
  },
  {
    name: 'a log that ends within an event, or has other bytes than padding behind it, is refused',
    run: async () => {
      const log = await sampleLog(0);
      await expectRefused(() => parseCcel(log.subarray(0, -1)), 'EVENT_LOG_MALFORMED');
      await expectRefused(() => parseCcel(concatBytes(log, Uint8Array.of(1))), 'EVENT_LOG_MALFORMED');
      await expectRefused(
        () => parseCcel(concatBytes(log, new Uint8Array(64), Uint8Array.of(1))),
        'EVENT_LOG_MALFORMED',
      );
      await expectRefused(() => parseCcel(new Uint8Array(0)), 'EVENT_LOG_MALFORMED');
      await expectRefused(() => parseCcel(new Uint8Array(4096)), 'EVENT_LOG_MALFORMED');
      expectEqual(parseCcel(concatBytes(log, new Uint8Array(64))).paddingBytes, 64);
    },
  },
];

export const damage: Suite = { name: 'tdx damage', cases: [...flips, ...lengths, ...mutants, ...eventLogs] };
