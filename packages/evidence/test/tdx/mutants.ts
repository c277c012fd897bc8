/** Event logs of UEFI and what becomes of them; mutants of everything that TDX evidence is parsed from. */
import { concatBytes, formatPem, sha384, toHex, utf8 } from '@vitrine/bytes';
import {
  parseCcel,
  parseDstackEventLog,
  parsePck,
  parsePckChain,
  parseQeIdentity,
  parseSgxExtension,
  parseTcbInfo,
  parseTdxCollateral,
  parseTdxCollateralJson,
  parseTdxQuote,
  replayEvents,
  sgxExtensionOid,
} from '@vitrine/evidence/tdx';
import { issueTdxQuote, writeCcel } from '@vitrine/simtee';
import { parseCertificate } from '@vitrine/x509';
import { fuzz } from '../mutation.ts';
import { type Case, type Suite, expectEqual, expectRefused } from '../suite.ts';
import { evidenceOf, simulated } from './simulated.ts';

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
    name: '100,000 mutants of PCK certificates yield certificates or typed errors',
    run: async () => {
      const { der } = (await simulated()).platform.pck.certificate;
      await fuzz([der], 100_000, (bytes) => parsePck(parseCertificate(bytes)));
    },
  },
  {
    name: '100,000 mutants of PCK chains, as PEM and as DER, yield chains or typed errors',
    run: async () => {
      const { authority, platform } = await simulated();
      const chain = [platform.pck, authority.platformCa, authority.root].map(
        ({ certificate }) => certificate.der,
      );
      // Blocks that are no certificates, so that the PEM costs little; whole chains as DER.
      const pem = [1, 2, 3].map((fill) => formatPem('CERTIFICATE', new Uint8Array(96).fill(fill))).join('');
      await fuzz([concatBytes(...chain), utf8(pem)], 100_000, parsePckChain);
    },
  },
  {
    name: '100,000 mutants of both revocation lists yield lists or typed errors',
    run: async () => {
      const { collateral } = await evidenceOf({ collateral: { revokedPck: [7, 8, 9], revokedByRoot: [7] } });
      const pem = utf8(formatPem('X509 CRL', collateral.rootCrl));
      await fuzz([collateral.pckCrl, collateral.rootCrl, pem], 100_000, (rootCrl) =>
        parseTdxCollateral({ rootCrl }),
      );
    },
  },
  {
    name: '100,000 mutants of collateral as one JSON yield collateral or typed errors',
    run: async () => {
      const text = (member: object): string => JSON.stringify(member);
      const document = {
        tcb_info: text({ id: 'TDX', version: 3 }),
        tcb_info_signature: '12'.repeat(64),
        tcb_info_issuer_chain: 'chain',
        qe_identity: text({ id: 'TD_QE' }),
        qe_identity_signature: '34'.repeat(64),
        qe_identity_issuer_chain: 'chain',
        pck_crl: '3000',
        pck_crl_issuer_chain: 'chain',
        root_ca_crl: '3000',
      };
      const json = utf8(JSON.stringify(document));
      expectEqual(parseTdxCollateralJson(json).rootCrl, Uint8Array.of(0x30, 0));
      await fuzz([json], 100_000, parseTdxCollateralJson);
    },
  },
  {
    name: '100,000 mutants of event logs yield logs or typed errors',
    run: async () => fuzz([await sampleLog()], 100_000, parseCcel),
  },
  {
    name: "100,000 mutants of dstack's event logs yield logs or typed errors",
    run: async () => {
      const event = { imr: 3, event_type: 0x08000001, digest: '', event: 'app-id', event_payload: '00ff' };
      const digest = await sha384(
        concatBytes(Uint8Array.of(1, 0, 0, 8), utf8(':app-id:'), Uint8Array.of(0, 255)),
      );
      const log = utf8(JSON.stringify([{ ...event, digest: toHex(digest) }]));
      expectEqual((await parseDstackEventLog(log)).events.length, 1);
      await fuzz([log], 100_000, parseDstackEventLog);
    },
  },
];

export const eventLogSuite: Suite = { name: 'tdx event logs', cases: eventLogs };
export const mutantSuite: Suite = { name: 'tdx mutants', cases: mutants };
