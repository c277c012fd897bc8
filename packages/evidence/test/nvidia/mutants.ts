/** Mutants of real evidence: parsers answer or refuse with a typed error, quickly. */
import { decodeUtf8, utf8 } from '@vitrine/bytes';
import {
  canonicalXml,
  describeEat,
  describeGpuReport,
  describeRim,
  parseDeviceChain,
  parseEat,
  parseGpuEvidenceJson,
  parseGpuReport,
  parseOpaque,
  parseRim,
  parseXml,
} from '../../src/nvidia/index.ts';
import { architectureOf, leafFwid } from '../../src/nvidia/chain.ts';
import { parseJwt, verifyJwt } from '../../src/nvidia/jwt.ts';
import {
  createEatService,
  createGpuAuthority,
  createGpuDevice,
  issueEat,
  issueGpuOcsp,
} from '@vitrine/simtee';
import { parseOcspResponse } from '@vitrine/x509';
import { fuzz } from '../mutation.ts';
import { type Suite, type SuiteContext, expectEqual, expectRefused } from '../suite.ts';

const COUNT = 100_000;
const now = new Date('2026-06-01T00:00:00Z');
const REPORT = 'nvidia/hopper/550.90.07/report.bin';
const RIM = 'nvidia/rim/nvtrust/Driver_RIM_test_no_gpu.swidtag';

/** With three measurements and one certificate, so that more of the mutants differ where it is read. */
async function shortRim({ fixture }: SuiteContext): Promise<string> {
  const xml = decodeUtf8(await fixture(RIM));
  const from = xml.indexOf('<ns0:Resource', xml.indexOf('index="3"'));
  const end = '</ds:X509Certificate>';
  return (
    xml.slice(0, from) +
    xml.slice(xml.indexOf('</ns0:Payload>'), xml.indexOf(end) + end.length) +
    xml.slice(xml.indexOf('</ds:X509Data>'))
  );
}

async function mutants(seeds: readonly Uint8Array[], parse: (bytes: Uint8Array) => unknown): Promise<void> {
  for (const seed of seeds) await parse(seed);
  await fuzz(seeds, COUNT, parse);
}

export const mutantSuite: Suite = {
  name: 'NVIDIA: mutants',
  cases: [
    {
      name: `${COUNT} mutants of reports`,
      needsFixtures: true,
      run: async ({ fixture }) => {
        const seeds = [await fixture(REPORT), await fixture('nvidia/switch/ls10/report.bin')];
        // What is read is described, now and then: that must not stumble either.
        let round = 0;
        await mutants(seeds, (bytes) => {
          const report = parseGpuReport(bytes);
          if (round++ % 64 === 0) describeGpuReport(report);
        });
      },
    },
    {
      name: `${COUNT} mutants of opaque data`,
      needsFixtures: true,
      run: async ({ fixture }) => {
        const { opaque } = parseGpuReport(await fixture(REPORT)).response;
        await mutants([opaque], parseOpaque);
      },
    },
    {
      name: `${COUNT} mutants of XML, written again where they are read`,
      run: async () => {
        const xml =
          '<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="urn:a" xmlns:p="urn:p" x="1"><p:b p:y="&lt;2&quot;"/>text &amp; more<c xmlns=""><d/></c></a>\n';
        await mutants([utf8(xml)], (bytes) => {
          const canonical = canonicalXml(parseXml(bytes));
          // The canonical form is XML that has itself as its canonical form; it may have what is only read escaped.
          if (!/[\t\n\r]|xmlns="[^"]*[&<]/.test(canonical))
            expectEqual(canonicalXml(parseXml(utf8(canonical))), canonical);
        });
      },
    },
    {
      name: `${COUNT} mutants of manifests`,
      needsFixtures: true,
      run: async (context) => {
        const xml = await shortRim(context);
        let round = 0;
        await mutants([utf8(xml)], (bytes) => {
          const rim = parseRim(bytes);
          if (round++ % 64 === 0) describeRim(rim);
        });
      },
    },
    {
      name: `${COUNT} mutants of evidence as JSON`,
      needsFixtures: true,
      run: async ({ fixture }) => {
        const text = decodeUtf8(await fixture('nvidia/hopper/evidence/single.json'));
        const [device] = JSON.parse(text) as [Record<string, string>];
        const short = { ...device, evidence: device['evidence']!.slice(0, 64), certificate: 'QUJD' };
        await mutants([utf8(JSON.stringify([short, short]))], parseGpuEvidenceJson);
      },
    },
    {
      name: `${COUNT} mutants of attestation tokens`,
      needsFixtures: true,
      run: async ({ fixture }) => {
        const eat = await fixture('nvidia/eat/switch_detached_eat.json');
        let round = 0;
        await mutants([eat], (bytes) => {
          const parsed = parseEat(bytes);
          if (round++ % 64 === 0) describeEat(parsed);
        });
      },
    },
    {
      name: `${COUNT} mutants of key sets of the attestation service`,
      run: async () => {
        const service = await createEatService();
        const eat = await issueEat(service, { nonce: new Uint8Array(32), now, devices: { 'GPU-0': {} } });
        const [[, text]] = JSON.parse(decodeUtf8(eat)) as [[string, string]];
        const token = parseJwt(text, 'overall token');
        const jwks = utf8(service.jwks);
        await verifyJwt(token, { jwks, now });
        // A key of another name: the set is read to its end, and no signature is verified.
        const other = { ...token, keyId: 'another' };
        await expectRefused(() => verifyJwt(other, { jwks, now }), 'EAT_KEY_UNKNOWN');
        await fuzz([jwks], COUNT, async (mutant) => verifyJwt(other, { jwks: mutant, now }));
      },
    },
    {
      name: `${COUNT} mutants of device certificates and their firmware identity`,
      run: async () => {
        const authority = await createGpuAuthority({ now });
        const devices = await Promise.all(
          (['GH100', 'GB100'] as const).map((architecture) => createGpuDevice(authority, { architecture })),
        );
        const root = devices[0]!.chain.at(-1)!;
        const leaves = devices.map(({ chain }) => chain[0]!);
        await mutants(leaves, (bytes) => {
          const [leaf] = parseDeviceChain([bytes, root]);
          architectureOf(leaf!);
          leafFwid(leaf!);
        });
      },
    },
    {
      name: `${COUNT} mutants of OCSP responses`,
      run: async () => {
        const { holders } = await createGpuDevice(await createGpuAuthority({ now }));
        await mutants([await issueGpuOcsp(holders, 0, { now })], (bytes) => parseOcspResponse(bytes));
      },
    },
  ],
};
