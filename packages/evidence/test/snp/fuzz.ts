/** Mutants of honest inputs: parsers answer or refuse with a typed error, quickly. */
import { utf8 } from '@vitrine/bytes';
import {
  amdTrustAnchors,
  certificateGuid,
  describeSnpReport,
  encodeCertificateTable,
  parseCertificateTable,
  parseHclReport,
  parseRuntimeData,
  parseSnpReport,
  parseTpmQuote,
  parseVek,
} from '@vitrine/evidence/snp';
import { fuzz } from '../mutation.ts';
import { type Suite } from '../suite.ts';
import { authorityOf, chipId, evidenceOf, tcb, turinChipId, turinTcb } from './simulator.ts';

const COUNT = 100_000;

async function reports(): Promise<Uint8Array[]> {
  const scenes = [{ report: { version: 2 } }, { report: { version: 5 } }, { product: 'Turin' }] as const;
  return Promise.all(scenes.map(async (scene) => (await evidenceOf(scene)).report as Uint8Array));
}

/** An HCL report with its runtime data, not signed by anyone. */
function hclReport(report: Uint8Array): Uint8Array {
  const runtimeData = utf8(JSON.stringify({ keys: [{ kid: 'HCLAkPub', kty: 'RSA', e: 'AQAB', n: 'AQAB' }] }));
  const hcl = new Uint8Array(0x4d4 + runtimeData.length + 8);
  const view = new DataView(hcl.buffer);
  hcl.set(utf8('HCLA'));
  const words = [1, 0x4d4 + runtimeData.length, 2];
  for (const [index, word] of words.entries()) view.setUint32(4 + index * 4, word, true);
  hcl.set(report, 0x20);
  const runtimeWords = [20 + runtimeData.length, 1, 2, 1, runtimeData.length];
  for (const [index, word] of runtimeWords.entries()) view.setUint32(0x4c0 + index * 4, word, true);
  hcl.set(runtimeData, 0x4d4);
  parseHclReport(hcl);
  return hcl;
}

export const suite: Suite = {
  name: 'SNP, mutants',
  cases: [
    {
      name: `${COUNT} mutants of reports`,
      run: async () => fuzz(await reports(), COUNT, (bytes) => describeSnpReport(parseSnpReport(bytes))),
    },
    {
      name: `${COUNT} mutants of endorsement keys`,
      run: async () => {
        const [genoa, turin] = [await authorityOf('Genoa'), await authorityOf('Turin')];
        const veks = [
          await genoa.issueVcek({ chipId, tcb }),
          await turin.issueVcek({ chipId: turinChipId, tcb: turinTcb }),
          await genoa.issueVlek({ cspId: 'example', tcb }),
        ];
        await fuzz(
          veks.map(({ certificate }) => certificate.der),
          COUNT,
          parseVek,
        );
      },
    },
    {
      name: `${COUNT} mutants of certificate tables`,
      run: async () => {
        const { ask, ark } = amdTrustAnchors().Milan;
        const small = encodeCertificateTable([
          { guid: certificateGuid.vcek, bytes: Uint8Array.of(1, 2, 3) },
          { guid: certificateGuid.ask, bytes: Uint8Array.of(4, 5) },
        ]);
        const whole = encodeCertificateTable([
          { guid: certificateGuid.ask, bytes: ask.der },
          { guid: certificateGuid.ark, bytes: ark.der },
        ]);
        await fuzz([small, small, small, whole], COUNT, parseCertificateTable);
      },
    },
    {
      name: `${COUNT} mutants of HCL reports and their runtime data`,
      run: async () => {
        const [report] = await reports();
        await fuzz([hclReport(report!)], COUNT / 2, (bytes) =>
          parseRuntimeData(parseHclReport(bytes).runtimeData),
        );
        await fuzz([parseHclReport(hclReport(report!)).runtimeData], COUNT / 2, parseRuntimeData);
      },
    },
    {
      name: `${COUNT} mutants of TPM quotes`,
      run: async () => {
        const quote = new Uint8Array(6 + 2 + 34 + 2 + 9 + 25 + 10 + 34);
        quote.set([0xff, 0x54, 0x43, 0x47, 0x80, 0x18, 0, 34]);
        quote.set([0, 9], 42);
        quote.set([0, 0, 0, 1, 0, 0x0b, 3, 0xff, 0xff, 0xff, 0, 32], 78);
        parseTpmQuote(quote);
        await fuzz([quote], COUNT, parseTpmQuote);
      },
    },
  ],
};
