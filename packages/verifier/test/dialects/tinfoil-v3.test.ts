/** Tinfoil's version 3: read back as written; every statement about its own parts is recomputed. */
/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- documents are damaged anywhere, also where types say that nothing is */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { decodeUtf8, fromBase64, sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { writeTinfoilV3 } from '@vitrine/simtee';
import { parseTinfoilV3, tinfoilReportData } from '../../src/dialects/index.ts';
import { type Json, altered, refused, textAltered } from './refusal.ts';
import { type Machine, attestedIn, simulatedMachine } from './simulated.ts';

let machine: Machine;
let snp: Uint8Array;
let tdx: Uint8Array;

before(async () => {
  machine = await simulatedMachine();
  const { nonce, keys, devices, release } = machine;
  snp = await writeTinfoilV3({
    nonce,
    keys,
    devices,
    release,
    platformRelease: release,
    attest: machine.snp,
  });
  tdx = await writeTinfoilV3({ nonce, keys, attest: machine.tdx });
});

describe('a Tinfoil v3 document', () => {
  test('of an SEV-SNP machine with GPUs comes back as it was written', async () => {
    const presented = await parseTinfoilV3(snp);
    const cpu = await machine.snp(new Uint8Array(64));
    assert.equal(`${presented.dialect} ${presented.form}`, 'tinfoil v3');
    assert.ok(presented.cpu.platform === 'sev-snp' && cpu.platform === 'sev-snp');
    assert.deepEqual(presented.cpu.vcek, cpu.vcek);
    assert.deepEqual(presented.cpu.intermediates, cpu.chain);
    assert.deepEqual(presented.cpu.crl, cpu.crl);
    assert.deepEqual(presented.binding.expectedReportData, attestedIn(presented.cpu));
    assert.deepEqual(presented.binding.nonce, machine.nonce);
    assert.equal(presented.binding.coversDevices, true);
    assert.deepEqual(presented.keys, {
      tlsSpkiSha256: toHex(machine.keys.tlsSpkiSha256),
      hpkePublicKey: toHex(machine.keys.hpkePublicKey!),
      others: { receipts: '3003020107' },
    });
    for (const [at, device] of presented.devices.devices.entries()) {
      const written = machine.devices[at]!;
      assert.equal(`${device.id} ${device.kind}`, `${written.id} ${written.kind}`);
      assert.deepEqual(device.report, written.report);
      assert.deepEqual(device.nonce, machine.nonce);
      assert.deepEqual(device.driverRim, written.driverRim);
      assert.deepEqual(device.ocspResponses, written.ocspResponses);
    }
    const digest = toHex(await sha256(machine.release.deployment!));
    const { release } = presented;
    assert.equal(`${release.repository} ${release.tag} ${release.digest}`, `acme/chat v1.2.3 ${digest}`);
    assert.deepEqual(release.bundles, [machine.bundle]);
    assert.deepEqual(release.platformBundles, [machine.bundle]);
    assert.equal(release.platform?.digest, digest);
  });

  test('of a TDX machine has what Intel answered, with the issuers from the headers', async () => {
    const presented = await parseTinfoilV3(tdx);
    const cpu = await machine.tdx(new Uint8Array(64));
    assert.ok(presented.cpu.platform === 'tdx' && cpu.platform === 'tdx');
    const { collateral } = presented.cpu;
    assert.deepEqual(collateral?.tcbInfo, cpu.collateral?.tcbInfo);
    assert.deepEqual(collateral?.qeIdentity, cpu.collateral?.qeIdentity);
    assert.deepEqual(collateral?.pckCrl, cpu.collateral?.pckCrl);
    assert.deepEqual(collateral?.rootCrl, cpu.collateral?.rootCrl);
    assert.equal(collateral?.tcbInfoIssuerChain, decodeUtf8(cpu.collateral!.tcbInfoIssuerChain!));
    assert.equal(collateral.pckCrlIssuerChain, decodeUtf8(cpu.collateral!.pckCrlIssuerChain!));
    assert.deepEqual(presented.binding.expectedReportData, attestedIn(presented.cpu));
  });

  test('put together from parts of two is read, and is not bound', async () => {
    const { nonce, keys } = machine;
    for (const defects of [
      { attestedNonce: new Uint8Array(32) },
      { reportData: new Uint8Array(64) },
      { deviceEvidence: utf8('{"format":"https://tinfoil.sh/device-evidence/v1","items": []}') },
    ]) {
      const { binding, cpu } = await parseTinfoilV3(
        await writeTinfoilV3({ nonce, keys, attest: machine.tdx, defects }),
      );
      assert.notDeepEqual(binding.expectedReportData, attestedIn(cpu));
    }
  });

  test('has other report data for every bit of nonce, keys and devices', async () => {
    const json = JSON.parse(decodeUtf8(tdx));
    const parts = [machine.nonce, fromBase64(json.crypto_material), fromBase64(json.device_evidence)];
    const seen = new Set<string>();
    let flips = 0;
    for (const [which, part] of parts.entries())
      for (let bit = 0; bit < part.length * 8; bit += 3) {
        const flipped = part.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const [a, b, c] = parts.with(which, flipped);
        seen.add(toHex(await tinfoilReportData(a!, b!, c!)));
        flips++;
      }
    assert.equal(seen.size, flips);
    assert.ok(!seen.has(toHex(await tinfoilReportData(parts[0]!, parts[1]!, parts[2]!))));
  });

  test('passes over collateral of a format that is not known', async () => {
    const entry = {
      id: 'x',
      role: 'endorsement',
      format: 'https://tinfoil.sh/collateral/config-endorsement/v1',
      data: { anything: [1] },
    };
    const presented = await parseTinfoilV3(altered(snp, (json) => json.collateral.push(entry)));
    assert.equal(presented.form, 'v3');
  });
});

/** Changes what is hashed, and makes every hash fit again: only the shape is wrong then. */
async function inside(
  document: Uint8Array,
  section: 'crypto_material' | 'device_evidence',
  change: (json: Json) => void,
): Promise<Uint8Array> {
  const json = JSON.parse(decodeUtf8(document));
  const inner = altered(fromBase64(json[section] as string), change);
  json[section] = toBase64(inner);
  const [keys, devices] = [fromBase64(json.crypto_material), fromBase64(json.device_evidence)];
  json.cpu_evidence.endorsed = {
    crypto_material_hash: toHex(await sha256(keys)),
    device_evidence_hash: toHex(await sha256(devices)),
  };
  json.challenge.report_data = toHex(await tinfoilReportData(machine.nonce, keys, devices));
  return utf8(JSON.stringify(json));
}

const named = (json: Json, name: string): Json =>
  json.collateral.find(({ id }: { id: string }) => id === name);
const vcek = (json: Json): Json => named(json, 'vcek');
const code = (json: Json): Json => named(json, 'code');

const outer: readonly [name: string, change: (json: Json) => void, about: RegExp][] = [
  ['another format', (json) => (json.format = 'https://tinfoil.sh/predicate/attestation/v4'), /format/],
  ['another member', (json) => (json.certificate = ''), /certificate/],
  ['no collateral', (json) => delete json.collateral, /collateral/],
  ['no challenge', (json) => delete json.challenge, /challenge/],
  ['a nonce in upper case', (json) => (json.challenge.nonce = 'AB'.repeat(32)), /lower-case/],
  ['a nonce of 16 bytes', (json) => (json.challenge.nonce = 'ab'.repeat(16)), /nonce/],
  [
    'another nonce than its report data have',
    (json) => (json.challenge.nonce = 'ab'.repeat(32)),
    /report_data/,
  ],
  ['report data of 32 bytes', (json) => (json.challenge.report_data = 'ab'.repeat(32)), /report_data/],
  ['other report data', (json) => (json.challenge.report_data = '00'.repeat(64)), /report_data/],
  ['another algorithm', (json) => (json.challenge.report_data_algorithm = 'sha512'), /algorithm/],
  ['another member in the challenge', (json) => (json.challenge.time = 1), /time/],
  [
    'another hash of the keys',
    (json) => (json.cpu_evidence.endorsed.crypto_material_hash = '00'.repeat(32)),
    /crypto_material_hash/,
  ],
  [
    'another hash of the devices',
    (json) => (json.cpu_evidence.endorsed.device_evidence_hash = '00'.repeat(32)),
    /device_evidence_hash/,
  ],
  [
    'no hash of the keys',
    (json) => delete json.cpu_evidence.endorsed.crypto_material_hash,
    /crypto_material_hash/,
  ],
  ['keys that were not hashed', (json) => (json.crypto_material = 'e30='), /crypto_material_hash/],
  ['keys without padding', (json) => (json.crypto_material = 'e30'), /crypto_material/],
  ['keys that are an object', (json) => (json.crypto_material = {}), /crypto_material/],
  ['no devices', (json) => (json.device_evidence = ''), /device_evidence/],
  [
    'a report of 1183 bytes',
    (json) => (json.cpu_evidence.report_base64 = toBase64(new Uint8Array(1183))),
    /1184/,
  ],
  [
    'a report of 1185 bytes',
    (json) => (json.cpu_evidence.report_base64 = toBase64(new Uint8Array(1185))),
    /1184/,
  ],
  ['two collateral entries of one name', (json) => (vcek(json).id = 'crl'), /twice/],
  ['two VCEKs', (json) => json.collateral.push({ ...vcek(json), id: 'second' }), /one entry/],
  ['a role that is not known', (json) => (vcek(json).role = 'evidence'), /role/],
  ['collateral without data', (json) => delete vcek(json).data, /data/],
  ['collateral whose data are a text', (json) => (vcek(json).data = '{}'), /data/],
  ['another member in an entry', (json) => (vcek(json).signature = ''), /signature/],
  ['another member beside the VCEK', (json) => (vcek(json).data.ark = ''), /ark/],
  ['a chain that is no PEM', (json) => (vcek(json).data.cert_chain_pem = 'AA=='), /cert_chain_pem/],
  ['subjects that are no texts', (json) => (vcek(json).subjects = [1]), /subjects/],
  ['another member beside the hashes', (json) => (json.cpu_evidence.endorsed.time = ''), /time/],
  ['another member in the processor evidence', (json) => (json.cpu_evidence.vlek = ''), /vlek/],
  ['a collateral entry without a name', (json) => (vcek(json).id = ''), /id/],
  ['a collateral entry with a name of 129 signs', (json) => (vcek(json).id = 'a'.repeat(129)), /id/],
  [
    'unknown collateral whose data are a text',
    (json) => json.collateral.push({ ...vcek(json), id: 'x', format: 'x', data: '{}' }),
    /data/,
  ],
  [
    'a chain of five',
    (json) => (vcek(json).data.cert_chain_pem = (vcek(json).data.cert_chain_pem as string).repeat(3)),
    /at most 4/,
  ],
  ['another member beside the revocation list', (json) => (named(json, 'crl').data.url = ''), /url/],
  ['another member beside the signature', (json) => (code(json).data.url = ''), /url/],
  [
    'manifests for one device twice',
    (json) => json.collateral.push({ ...named(json, 'gpu0-rims'), id: 'more' }),
    /gpu0/,
  ],
  ['a repository that is a URL', (json) => (code(json).data.repo = 'https://github.com/a/b'), /repo/],
  ['a digest in upper case', (json) => (code(json).data.digest = 'AB'.repeat(32)), /digest/],
  ['a signature that is a text', (json) => (code(json).data.sigstore_bundle = '{}'), /sigstore_bundle/],
];

describe('a Tinfoil v3 document is refused with', () => {
  for (const [name, change, about] of outer)
    test(name, () => refused(() => parseTinfoilV3(altered(snp, change)), 'DOCUMENT_MALFORMED', about));

  const keys: readonly [name: string, change: (json: Json) => void, about: RegExp][] = [
    ['keys of another format', (json) => (json.format = 'v2'), /format/],
    ['another member beside the keys', (json) => (json.more = 1), /more/],
    ['another member beside a key', (json) => (json.items[0].uid = 1), /uid/],
    ['no TLS key', (json) => json.items.shift(), /tls/],
    ['two keys of one name', (json) => (json.items[1].id = 'tls'), /twice/],
    ['a TLS key that is an HPKE key', (json) => (json.items[0].format = json.items[1].format), /tls/],
    ['an HPKE key that is a TLS key', (json) => (json.items[1].format = json.items[0].format), /hpke/],
    ['a TLS key of 31 bytes', (json) => (json.items[0].data = 'ab'.repeat(31)), /data/],
    ['a key in upper case', (json) => (json.items[2].data = 'AB'), /lower-case/],
    ['half a byte', (json) => (json.items[2].data = 'abc'), /data/],
    ['a key without bytes', (json) => (json.items[2].data = ''), /bytes/],
    ['a key without a name', (json) => (json.items[2].id = ''), /id/],
  ];
  for (const [name, change, about] of keys)
    test(name, async () => {
      const document = await inside(snp, 'crypto_material', change);
      await refused(() => parseTinfoilV3(document), 'DOCUMENT_MALFORMED', about);
    });

  const devices: readonly [name: string, change: (json: Json) => void, about: RegExp][] = [
    ['devices of another format', (json) => (json.format = 'v2'), /format/],
    ['two devices of one name', (json) => (json.items[1].id = 'gpu0'), /twice/],
    ['a device without a name', (json) => (json.items[0].id = ''), /id/],
    ['another member beside the evidence', (json) => (json.items[0].driver = ''), /driver/],
    ['a device without evidence', (json) => delete json.items[0].evidence, /evidence/],
    ['another member in the evidence', (json) => (json.items[0].evidence.cc = 'on'), /cc/],
    ['a device nonce of 31 bytes', (json) => (json.items[0].evidence.nonce = 'ab'.repeat(31)), /nonce/],
    ['an empty report', (json) => (json.items[0].evidence.evidence = ''), /evidence/],
    ['a switch without evidence', (json) => (json.items[2].evidence = []), /switch/],
    ['a device that is a text', (json) => (json.items[0] = 'gpu0'), /items/],
  ];
  for (const [name, change, about] of devices)
    test(name, async () => {
      const document = await inside(snp, 'device_evidence', change);
      await refused(() => parseTinfoilV3(document), 'DOCUMENT_MALFORMED', about);
    });

  const intel: readonly [name: string, change: (responses: Json) => void, about: RegExp][] = [
    ['another member in an answer', (responses) => (responses[0].status = 200), /status/],
    ['two TCB infos', (responses) => responses.push(responses[0]), /tcbInfo/],
    ['an answer without a body', (responses) => (responses[0].body_base64 = ''), /body/],
    ['a URL that is a path', (responses) => (responses[0].url = '/tcb'), /URL/],
    [
      'a header that is not percent-encoded',
      (responses) => (responses[0].headers['TCB-Info-Issuer-Chain'] = ['%zz']),
      /percent/,
    ],
    [
      'two issuer chains in one header',
      (responses) => (responses[0].headers['TCB-Info-Issuer-Chain'] = ['a', 'b']),
      /at most 1/,
    ],
  ];
  for (const [name, change, about] of intel)
    test(name, () =>
      refused(
        () => parseTinfoilV3(altered(tdx, (json) => change(json.collateral[0].data.responses))),
        'DOCUMENT_MALFORMED',
        about,
      ),
    );

  test('another member beside what Intel answered', () =>
    refused(
      () => parseTinfoilV3(altered(tdx, (json) => (json.collateral[0].data.at = 0))),
      'DOCUMENT_MALFORMED',
      /at/,
    ));
  test('a member twice', () =>
    refused(
      () => parseTinfoilV3(textAltered(snp, '"challenge":{', '"challenge":{"nonce":"",')),
      'DOCUMENT_MALFORMED',
    ));
});

describe('a Tinfoil v3 document is unsupported with', () => {
  test('processor evidence of another format', () =>
    refused(
      () =>
        parseTinfoilV3(
          altered(snp, (json) => (json.cpu_evidence.format = 'https://tinfoil.sh/format/cca/v1')),
        ),
      'EVIDENCE_UNSUPPORTED',
    ));
  for (const change of [
    (json: Json) => (json.items[0].format = 'https://tinfoil.sh/format/amd-gpu-evidence/v1'),
    (json: Json) => (json.items[0].vendor = 'amd'),
    (json: Json) => (json.items[0].format = 'constructor'),
  ])
    test(`devices of another kind: ${String(change).slice(12)}`, async () => {
      const document = await inside(snp, 'device_evidence', change);
      await refused(() => parseTinfoilV3(document), 'EVIDENCE_UNSUPPORTED');
    });
});
