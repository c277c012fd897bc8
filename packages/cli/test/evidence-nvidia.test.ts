/** `vitrine evidence verify` of GPUs: simulated ones, whose roots are named. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { formatPem, toHex } from '@vitrine/bytes';
import {
  type GpuAuthority,
  type GpuDevice,
  createGpuAuthority,
  createGpuDevice,
  defaultMeasurements,
  issueGpuOcsp,
  issueGpuReport,
  issueRim,
} from '@vitrine/simtee/nvidia';
import { type Finished, vitrine } from './vitrine.ts';

const now = new Date('2026-11-25T12:00:00Z');
const nonce = new Uint8Array(32).fill(0x5a);
const versions = { driver: '550.90.07', vbios: '96.00.9F.00.01' } as const;

let folder: string;
let authority: GpuAuthority;
let device: GpuDevice;
const at = (...path: readonly string[]): string => join(folder, ...path);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-nvidia-'));
  authority = await createGpuAuthority({ now });
  device = await createGpuDevice(authority);
  const [root] = authority.anchors.device;
  const [rimRoot] = authority.anchors.rim;
  mkdirSync(at('anchors'));
  writeFileSync(at('anchors', 'device.der'), root!.der);
  writeFileSync(at('anchors', 'rim.der'), rimRoot!.der);
  writeFileSync(at('report.bin'), await issueGpuReport(device, { nonce, ...versions }));
});
after(() => rmSync(folder, { recursive: true }));

interface Endorsements {
  readonly rims?: boolean;
  /** By index in the device's chain; the others are good. */
  readonly deviceStatus?: Readonly<Record<number, 'revoked' | 'none'>>;
  readonly rimStatus?: 'good' | 'revoked' | 'none';
}

/** A folder with the chain, and what is asked for. */
async function endorse(name: string, { rims = true, deviceStatus = {}, rimStatus = 'good' }: Endorsements) {
  mkdirSync(at(name));
  const write = (file: string, bytes: string | Uint8Array) => writeFileSync(at(name, file), bytes);
  write('chain.pem', device.chain.map((der) => formatPem('CERTIFICATE', der)).join(''));
  for (const index of device.chain.slice(0, -1).keys()) {
    const status = deviceStatus[index] ?? 'good';
    if (status !== 'none')
      write(`device-${index}.ocsp`, await issueGpuOcsp(device.holders, index, { now, status }));
  }
  if (!rims) return;
  const golden = defaultMeasurements(device);
  for (const kind of ['driver', 'vbios'] as const) {
    const measurements = golden
      .map((value, index) => ({ index, values: [value] }))
      .slice(...(kind === 'driver' ? [20, 41] : [0, 12]));
    write(
      `${kind}.xml`,
      await issueRim(authority, { product: 'GH100', version: versions[kind], measurements }),
    );
  }
  if (rimStatus === 'none') return;
  for (const index of authority.rimChain.slice(0, -1).keys())
    write(
      `rim-${index}.ocsp`,
      await issueGpuOcsp(authority.rimChain, index, { now, status: index === 0 ? rimStatus : 'good' }),
    );
}

function verify(name: string, ...more: readonly string[]): Promise<Finished> {
  const words = ['evidence', 'verify', at('report.bin'), '--endorsements', at(name)];
  return vitrine([...words, '--anchors', at('anchors'), '--at', now.toISOString(), ...more]);
}

describe('a GPU report', () => {
  test('with manifests and all OCSP responses is acceptable, status 0; no rule that nobody asked for is shown', async () => {
    await endorse('whole', {});
    const { status, stdout, stderr } = await verify('whole');
    assert.equal(status, 0, stderr + stdout.toString());
    const text = stdout.toString();
    assert.match(text, /^SIMULATED: /m);
    assert.match(text, /✓ nvidia\.gpu\.measurements/);
    assert.match(text, /✓ nvidia\.rim\.driver\.revocation/);
    assert.doesNotMatch(
      text,
      /not checked|nvidia\.gpu\.(nonce|architecture|feature|protected-pcie|driver-version)/,
    );
    assert.match(text, /is authentic and acceptable\n$/);
  });

  test('with the nonce that was asked for is acceptable; with another one it is refused by that rule: status 1', async () => {
    await endorse('nonce', {});
    const right = await verify('nonce', '--nonce', toHex(nonce));
    assert.equal(right.status, 0, right.stderr);
    assert.match(right.stdout.toString(), /✓ nvidia\.gpu\.nonce/);
    const wrong = await verify('nonce', '--nonce', '00'.repeat(32));
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /GPU_NONCE_MISMATCH/);
  });

  const incomplete: readonly (readonly [string, Endorsements, RegExp])[] = [
    ['manifests', { rims: false }, /– nvidia\.gpu\.measurements +not checked/],
    [
      'an OCSP response for one certificate',
      { deviceStatus: { 1: 'none' } },
      /– nvidia\.gpu\.revocation +not checked/,
    ],
    [
      'OCSP responses for the manifests',
      { rimStatus: 'none' },
      /– nvidia\.rim\.driver\.revocation +not checked/,
    ],
  ];
  for (const [index, [missing, endorsements, line]] of incomplete.entries()) {
    test(`without ${missing} is not refused, and not verified: status 3`, async () => {
      await endorse(`incomplete-${index}`, endorsements);
      const { status, stdout, stderr } = await verify(`incomplete-${index}`);
      assert.equal(status, 3);
      assert.match(stdout.toString(), line);
      assert.match(stderr, /no check failed, but not all could be made/);
    });
  }

  test('of a revoked device, or beside a manifest of a revoked signer, is refused, each by its own code: status 1', async () => {
    await endorse('revoked-device', { deviceStatus: { 0: 'revoked' } });
    await endorse('revoked-rim', { rimStatus: 'revoked' });
    const ofDevice = await verify('revoked-device');
    assert.deepEqual([ofDevice.status, /\bGPU_CERTIFICATE_REVOKED: /.test(ofDevice.stderr)], [1, true]);
    const ofRim = await verify('revoked-rim');
    assert.deepEqual([ofRim.status, /\bRIM_CERTIFICATE_REVOKED: /.test(ofRim.stderr)], [1, true]);
  });

  test('of simulated hardware is refused where no anchors are named: status 1', async () => {
    await endorse('production', { rims: false });
    const words = ['evidence', 'verify', at('report.bin'), '--endorsements', at('production')];
    const { status, stderr } = await vitrine([...words, '--at', now.toISOString()]);
    assert.deepEqual([status, /GPU_ROOT_UNTRUSTED/.test(stderr)], [1, true]);
  });

  test('without its chain cannot be judged: status 3', async () => {
    mkdirSync(at('none'));
    const { status, stderr } = await verify('none');
    assert.deepEqual([status, /ENDORSEMENT_MISSING/.test(stderr)], [3, true]);
  });
});
