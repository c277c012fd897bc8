/** The certificate table of an extended report: what it holds, and how it can lie. */
import { concatBytes, formatGuid, fromHex, parseGuid } from '@vitrine/bytes';
import {
  authenticateSnp,
  certificateGuid,
  encodeCertificateTable,
  endorsementsOf,
  parseCertificateTable,
} from '@vitrine/evidence/snp';
import { type Case, type Suite, expectEqual, expectRefused } from '../suite.ts';
import { authorityOf, evidenceOf } from './simulator.ts';

const table = [
  { guid: certificateGuid.vcek, bytes: Uint8Array.of(1, 2, 3) },
  { guid: certificateGuid.ask, bytes: Uint8Array.of(4, 5) },
  { guid: '00010203-0405-0607-0809-0a0b0c0d0e0f', bytes: Uint8Array.of(6) },
];
const encoded = encodeCertificateTable(table);

/** A copy with a 32-bit number in an entry changed. */
function withWord(entry: number, field: 'offset' | 'length', value: number): Uint8Array {
  const changed = encoded.slice();
  new DataView(changed.buffer).setUint32(entry * 24 + (field === 'offset' ? 16 : 20), value, true);
  return changed;
}

const refused: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ['nothing at all', new Uint8Array(0)],
  ['no closing entry', encoded.subarray(0, 72)],
  ['an offset within the entries', withWord(0, 'offset', 72)],
  ['an offset behind the end', withWord(2, 'offset', encoded.length)],
  ['an offset of 2^32 - 1', withWord(2, 'offset', 0xffffffff)],
  ['a length over the end', withWord(2, 'length', 2)],
  ['a length of 2^32 - 1', withWord(0, 'length', 0xffffffff)],
  ['an empty certificate', withWord(1, 'length', 0)],
  ['certificates that overlap', withWord(1, 'offset', 98)],
  ['one certificate for two', withWord(1, 'offset', 96)],
  ['a gap that is not zero', withWord(0, 'length', 2)],
  ['bytes behind the last certificate', concatBytes(encoded, Uint8Array.of(0, 1))],
  ['a GUID twice', encodeCertificateTable([table[0]!, table[0]!])],
  [
    'a GUID twice, in both orders of bytes',
    (() => {
      const twice = encodeCertificateTable([table[0]!, table[1]!]);
      twice.set(parseGuid(certificateGuid.vcek), 24);
      return twice;
    })(),
  ],
  [
    'more entries than 64',
    encodeCertificateTable(
      Array.from({ length: 65 }, (_, at) => ({
        guid: formatGuid(new Uint8Array(16).fill(at + 1)),
        bytes: Uint8Array.of(1),
      })),
    ),
  ],
  ['more than a mebibyte', new Uint8Array((1 << 20) + 1)],
];

const cases: readonly Case[] = [
  {
    name: 'a table reads back, with zeros behind it as hosts send them',
    run: () => {
      expectEqual(parseCertificateTable(encoded), table);
      expectEqual(parseCertificateTable(concatBytes(encoded, new Uint8Array(4096))), table);
      expectEqual(parseCertificateTable(new Uint8Array(24)), []);
    },
  },
  {
    name: "GUIDs are known in the order of their text and in UEFI's",
    run: () => {
      expectEqual(encoded.subarray(0, 4), fromHex('63da758d'));
      const mixed = encoded.slice();
      mixed.set(parseGuid(certificateGuid.vcek), 0);
      expectEqual(parseCertificateTable(mixed), table);
    },
  },
  {
    name: 'every cut is refused',
    run: async () => {
      for (let length = 0; length < encoded.length; length++)
        await expectRefused(
          () => parseCertificateTable(encoded.subarray(0, length)),
          'CERTIFICATE_TABLE_MALFORMED',
          `${length} bytes`,
        );
    },
  },
  ...refused.map(([name, bytes]) => ({
    name: `${name}: refused`,
    run: async () => {
      await expectRefused(() => parseCertificateTable(bytes), 'CERTIFICATE_TABLE_MALFORMED');
    },
  })),
  {
    name: 'a report is authentic with the certificates and the list of its table',
    run: async () => {
      const authority = await authorityOf('Genoa');
      const { ask, ark, anchors } = authority;
      const { report, vek, now } = await evidenceOf();
      const bytes = encodeCertificateTable([
        { guid: certificateGuid.ark, bytes: ark.der },
        { guid: certificateGuid.ask, bytes: ask.der },
        { guid: certificateGuid.vcek, bytes: vek },
        { guid: certificateGuid.crl, bytes: await authority.issueCrl() },
      ]);
      const endorsements = endorsementsOf(parseCertificateTable(bytes), 'VCEK');
      const authentic = await authenticateSnp({
        report,
        vek: endorsements.vek!,
        intermediates: endorsements.intermediates,
        crl: endorsements.crl!,
        anchors,
        now,
      });
      expectEqual(authentic.revocation, 'checked');
    },
  },
  {
    name: 'the key that signed is taken from the table, a VLEK before a VCEK where it is not said',
    run: () => {
      const both = [...table, { guid: certificateGuid.vlek, bytes: Uint8Array.of(7) }];
      expectEqual(endorsementsOf(both).vek, Uint8Array.of(7));
      expectEqual(endorsementsOf(both, 'VCEK').vek, Uint8Array.of(1, 2, 3));
      expectEqual(endorsementsOf(table, 'VLEK').vek, undefined);
    },
  },
];

export const suite: Suite = { name: 'SNP certificate table', cases };
