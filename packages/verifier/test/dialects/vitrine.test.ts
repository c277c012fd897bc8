/** The native document: read back as it was written, refused where it is not what its specification says. */
/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-return -- documents are damaged anywhere, also where types say that nothing is */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { fromBase64, sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { writeVitrineDocument } from '@vitrine/simtee';
import { parseVitrine, vitrineReportData } from '../../src/dialects/index.ts';
import { type Json, altered, refused, textAltered } from './refusal.ts';
import { type Machine, attestedIn, simulatedMachine } from './simulated.ts';

const launch = { cmdline: 'root=/dev/mapper/root', vcpus: 8 };

let machine: Machine;
let snp: Uint8Array;
let tdx: Uint8Array;

before(async () => {
  machine = await simulatedMachine();
  const { nonce, keys, devices, release } = machine;
  snp = await writeVitrineDocument({ nonce, keys, devices, release, launch, attest: machine.snp });
  tdx = await writeVitrineDocument({ nonce, keys, attest: machine.tdx });
});

describe('the native document', () => {
  test('of an SEV-SNP machine with GPUs comes back as it was written', async () => {
    const presented = await parseVitrine(snp);
    const cpu = await machine.snp(new Uint8Array(64));
    assert.equal(presented.dialect, 'vitrine');
    assert.equal(presented.form, 'v1');
    assert.ok(presented.cpu.platform === 'sev-snp' && cpu.platform === 'sev-snp');
    assert.deepEqual(presented.cpu.vcek, cpu.vcek);
    assert.deepEqual(presented.cpu.intermediates, cpu.chain);
    assert.deepEqual(presented.cpu.crl, cpu.crl);
    assert.deepEqual(presented.binding.nonce, machine.nonce);
    assert.deepEqual(presented.binding.expectedReportData, attestedIn(presented.cpu));
    assert.equal(presented.binding.coversDevices, true);
    assert.deepEqual(presented.keys, {
      tlsSpkiSha256: toHex(machine.keys.tlsSpkiSha256),
      hpkePublicKey: toHex(machine.keys.hpkePublicKey!),
      others: { receipts: '3003020107' },
    });
    const { devices } = presented.devices;
    assert.deepEqual(
      devices.map(({ id, kind }) => `${id} ${kind}`),
      ['gpu0 gpu', 'gpu1 gpu', 'nvswitch0 switch'],
    );
    for (const [at, device] of devices.entries()) {
      const written = machine.devices[at]!;
      assert.deepEqual(device.report, written.report);
      assert.deepEqual(device.driverRim, written.driverRim);
      assert.deepEqual(device.vbiosRim, written.vbiosRim);
      assert.deepEqual(device.ocspResponses, written.ocspResponses);
      assert.deepEqual(device.nonce, machine.nonce);
      assert.equal(device.chain.match(/BEGIN CERTIFICATE/g)?.length, 5);
    }
    assert.deepEqual(presented.launch, launch);
    assert.equal(presented.release.repository, 'acme/chat');
    assert.equal(presented.release.tag, 'v1.2.3');
    assert.deepEqual(presented.release.deployment, machine.release.deployment);
    assert.equal(presented.release.digest, toHex(await sha256(machine.release.deployment!)));
    assert.deepEqual(presented.release.bundles, [machine.bundle]);
    assert.deepEqual(presented.release.platformBundles, [machine.bundle]);
  });

  test('of a TDX machine without devices and release comes back as it was written', async () => {
    const presented = await parseVitrine(tdx);
    const cpu = await machine.tdx(new Uint8Array(64));
    assert.ok(presented.cpu.platform === 'tdx' && cpu.platform === 'tdx');
    assert.deepEqual(presented.cpu.eventLog, cpu.eventLog);
    assert.deepEqual(presented.cpu.collateral?.tcbInfo, cpu.collateral?.tcbInfo);
    assert.match(presented.cpu.collateral?.pckCrlIssuerChain ?? '', /BEGIN CERTIFICATE/);
    assert.deepEqual(presented.cpu.collateral?.rootCrl, cpu.collateral?.rootCrl);
    assert.deepEqual(presented.binding.expectedReportData, attestedIn(presented.cpu));
    assert.deepEqual(presented.devices.devices, []);
    assert.deepEqual(presented.release, { bundles: [], platformBundles: [] });
  });

  test('of somebody else is not bound: its report data are not those of its parts', async () => {
    const { nonce, keys } = machine;
    const unlike = async (defects: object): Promise<void> => {
      const document = await writeVitrineDocument({ nonce, keys, attest: machine.tdx, defects });
      const { binding, cpu } = await parseVitrine(document);
      assert.notDeepEqual(binding.expectedReportData, attestedIn(cpu));
    };
    await unlike({ attestedNonce: new Uint8Array(32) });
    await unlike({ reportData: new Uint8Array(64) });
    await unlike({ keys: utf8(`{"tls":{"spki_sha256":"${'ab'.repeat(32)}"}}`) });
    await unlike({ devices: utf8('{"devices": []}') });
  });

  test('has other report data for every bit of nonce, keys and devices', async () => {
    const document = JSON.parse(new TextDecoder().decode(tdx));
    const parts = [
      machine.nonce,
      fromBase64(document.keys as string),
      fromBase64(document.devices as string),
    ];
    const hash = (changed: readonly Uint8Array[]): Promise<Uint8Array> =>
      vitrineReportData(changed[0]!, changed[1]!, changed[2]!);
    const seen = new Set([toHex(await hash(parts))]);
    let flips = 0;
    for (const [which, part] of parts.entries())
      for (let bit = 0; bit < part.length * 8; bit++) {
        const flipped = part.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        seen.add(toHex(await hash(parts.with(which, flipped))));
        flips++;
      }
    assert.ok(flips > 2000);
    assert.equal(seen.size, flips + 1);
  });

  test('binds where keys end and devices begin', async () => {
    const [a, b] = [utf8('ab'), utf8('c')];
    const [c, d] = [utf8('a'), utf8('bc')];
    const nonce = machine.nonce;
    assert.notDeepEqual(await vitrineReportData(nonce, a, b), await vitrineReportData(nonce, c, d));
  });
});

/** Inside the parts that travel as base64 of JSON. */
function within(part: 'keys' | 'devices', change: (json: Json) => void): (json: Json) => void {
  return (document) => {
    const inner = JSON.parse(new TextDecoder().decode(fromBase64(document[part] as string)));
    change(inner);
    document[part] = toBase64(utf8(JSON.stringify(inner)));
  };
}

const refusals: readonly [name: string, change: (json: Json) => void, about: RegExp][] = [
  ['another format', (json) => (json.format = 'vitrine-evidence/v2'), /format/],
  ['no format', (json) => delete json.format, /format/],
  ['a member that is not known', (json) => (json.extra = 1), /extra/],
  ['no nonce', (json) => delete json.nonce, /nonce/],
  ['a nonce of 31 bytes', (json) => (json.nonce = 'ab'.repeat(31)), /nonce/],
  ['a nonce in upper case', (json) => (json.nonce = 'AB'.repeat(32)), /lower-case/],
  ['a nonce that is a number', (json) => (json.nonce = 7), /nonce/],
  ['no keys', (json) => delete json.keys, /keys/],
  ['empty keys', (json) => (json.keys = ''), /keys/],
  ['keys that are JSON and not base64', (json) => (json.keys = { tls: {} }), /keys/],
  ['keys in base64 without its padding', (json) => (json.keys = 'e30'), /keys/],
  ['keys in base64 with bits left over', (json) => (json.keys = 'e31='), /keys/],
  ['keys in base64 with a line break', (json) => (json.keys = 'e3\n0='), /keys/],
  ['keys in the URL alphabet', (json) => (json.keys = '-_-_'), /keys/],
  ['keys that are no JSON', (json) => (json.keys = toBase64(utf8('{'))), /keys/],
  ['keys with a name twice', (json) => (json.keys = toBase64(utf8('{"tls":{},"tls":{}}'))), /keys/],
  ['keys without a TLS key', within('keys', (keys) => delete keys.tls), /tls/],
  ['a TLS key in upper case', within('keys', (keys) => (keys.tls.spki_sha256 = 'AB'.repeat(32))), /spki/],
  ['a TLS key of 31 bytes', within('keys', (keys) => (keys.tls.spki_sha256 = 'ab'.repeat(31))), /spki/],
  ['an HPKE key of 33 bytes', within('keys', (keys) => (keys.hpke.x25519 = 'ab'.repeat(33))), /x25519/],
  ['another member beside an HPKE key', within('keys', (keys) => (keys.hpke.p256 = 'ab')), /p256/],
  ['another member beside a TLS key', within('keys', (keys) => (keys.tls.certificate = 'ab')), /certificate/],
  ['another member in the keys', within('keys', (keys) => (keys.ssh = {})), /ssh/],
  ['another key without a name', within('keys', (keys) => (keys.others = { '': 'ab' })), /identifiers/],
  ['another key without bytes', within('keys', (keys) => (keys.others = { a: '' })), /others/],
  [
    'more other keys than the limit',
    within(
      'keys',
      (keys) => (keys.others = Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`k${at}`, 'ab']))),
    ),
    /32 keys/,
  ],
  ['no devices', (json) => delete json.devices, /devices/],
  ['devices that are a list', (json) => (json.devices = toBase64(utf8('[]'))), /devices/],
  ['two devices of one name', within('devices', (all) => (all.devices[1].id = 'gpu0')), /twice/],
  ['a device without a name', within('devices', (all) => (all.devices[0].id = '')), /identifier/],
  ['a device of another kind', within('devices', (all) => (all.devices[0].kind = 'nic')), /kind/],
  ['a device without a report', within('devices', (all) => (all.devices[0].report = '')), /report/],
  ['a device without a chain', within('devices', (all) => (all.devices[0].chain = '')), /chain/],
  [
    'endorsements among what is hashed',
    within('devices', (all) => (all.devices[0].driver_rim = 'AA==')),
    /driver_rim/,
  ],
  [
    'more devices than the limit',
    within(
      'devices',
      (all) => (all.devices = Array.from({ length: 65 }, (_, at) => ({ ...all.devices[0], id: `g${at}` }))),
    ),
    /64/,
  ],
  ['endorsements of a device that is not there', (json) => (json.device_endorsements.gpu9 = {}), /gpu9/],
  ['an endorsement of another kind', (json) => (json.device_endorsements.gpu0.rim = 'AA=='), /rim/],
  ['an empty manifest', (json) => (json.device_endorsements.gpu0.driver_rim = ''), /driver_rim/],
  ['nine OCSP answers', (json) => (json.device_endorsements.gpu0.ocsp = new Array(9).fill('AA==')), /ocsp/],
  ['no processor', (json) => delete json.cpu, /cpu/],
  ['another platform', (json) => (json.cpu.platform = 'sgx'), /platform/],
  ['a report of 1183 bytes', (json) => (json.cpu.report = toBase64(new Uint8Array(1183))), /1184/],
  ['a report of 1185 bytes', (json) => (json.cpu.report = toBase64(new Uint8Array(1185))), /1184/],
  ['a quote beside a report', (json) => (json.cpu.quote = 'AA=='), /quote/],
  ['an empty VCEK', (json) => (json.cpu.endorsements.vcek = ''), /vcek/],
  ['a chain of five', (json) => (json.cpu.endorsements.chain = new Array(5).fill('AA==')), /chain/],
  ['another endorsement', (json) => (json.cpu.endorsements.vlek = 'AA=='), /vlek/],
  [
    'a repository that is a URL',
    (json) => (json.deployment.repository = 'https://github.com/a/b'),
    /repository/,
  ],
  ['a repository with a path', (json) => (json.deployment.repository = 'a/b/c'), /repository/],
  ['a tag with a way up', (json) => (json.deployment.tag = '../latest'), /tag/],
  ['nine bundles', (json) => (json.deployment.bundles = new Array(9).fill('AA==')), /bundles/],
  ['bundles that are no list', (json) => (json.deployment.bundles = 'AA=='), /bundles/],
  ['a member of the deployment that is not known', (json) => (json.deployment.digest = 'ab'), /digest/],
  ['a command line with a line break', (json) => (json.launch.cmdline = 'a\nb'), /cmdline/],
  ['a command line of 4097 signs', (json) => (json.launch.cmdline = 'a'.repeat(4097)), /cmdline/],
  ['no processors', (json) => (json.launch.vcpus = 0), /vcpus/],
  ['another member about its launch', (json) => (json.launch.initrd = ''), /initrd/],
  ['null for a part', (json) => (json.deployment = null), /deployment/],
];

describe('a native document is refused with', () => {
  for (const [name, change, about] of refusals)
    test(name, () => refused(() => parseVitrine(altered(snp, change)), 'DOCUMENT_MALFORMED', about));

  test('a member twice', () =>
    refused(() => parseVitrine(textAltered(snp, '{', '{"nonce":"",')), 'DOCUMENT_MALFORMED', /nonce/));
  test('something behind its end', () =>
    refused(() => parseVitrine(textAltered(snp, /$/, '{}')), 'DOCUMENT_MALFORMED'));
  test('nothing in it', () => refused(() => parseVitrine(new Uint8Array(0)), 'DOCUMENT_MALFORMED'));
  test('bytes that are no UTF-8', () =>
    refused(() => parseVitrine(Uint8Array.of(0x7b, 0xff, 0x7d)), 'DOCUMENT_MALFORMED'));
  test('more than 16 MiB', () =>
    refused(() => parseVitrine(new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20)), 'DOCUMENT_MALFORMED'));
  test('a member of TDX evidence that is not known', () =>
    refused(
      () => parseVitrine(altered(tdx, (json) => (json.cpu.rtmrs = ''))),
      'DOCUMENT_MALFORMED',
      /rtmrs/,
    ));
  test('a quote without bytes', () =>
    refused(
      () => parseVitrine(altered(tdx, (json) => (json.cpu.quote = ''))),
      'DOCUMENT_MALFORMED',
      /quote/,
    ));
  test('a quote of more than 64 KiB', () =>
    refused(
      () => parseVitrine(altered(tdx, (json) => (json.cpu.quote = toBase64(new Uint8Array(65537))))),
      'DOCUMENT_MALFORMED',
      /quote/,
    ));
  test('collateral of another name', () =>
    refused(
      () => parseVitrine(altered(tdx, (json) => (json.cpu.collateral.pck = 'AA=='))),
      'DOCUMENT_MALFORMED',
      /pck/,
    ));
  test('an issuer chain that is no text', () =>
    refused(
      () => parseVitrine(altered(tdx, (json) => (json.cpu.collateral.pck_crl_issuer_chain = '/w=='))),
      'DOCUMENT_MALFORMED',
      /pck_crl_issuer_chain/,
    ));
});
