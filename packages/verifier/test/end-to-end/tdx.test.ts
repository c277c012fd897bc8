/** A trust domain that was started from real parts: recomputed and compared; what was altered is named. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { toHex, utf8 } from '@vitrine/bytes';
import type { AttestationResult } from '@vitrine/verifier';
import { kernelImage } from '../../../measure/test/images.ts';
import { type Release, repository } from './release.ts';
import { type Scene, honestScene } from './scene.ts';
import { type Stage, setUpStage, verifyOnce } from './stage.ts';
import { type TdxParts, launchTdx, launched, releaseOf, tdxParts } from './tdx-launch.ts';

let stage: Stage;
let parts: TdxParts;
let release: Release;
let words: readonly string[];

before(async () => {
  stage = await setUpStage();
  parts = await tdxParts();
  release = await releaseOf(stage.world, parts);
  const { mrtd, rtmrs } = await launchTdx(parts);
  const policy = `version: 1
name: a trust domain whose parts are at hand
code:
  builders:
    - repository: ${repository}
hardware:
  platforms: [tdx]
measurements:
  require-recomputation: true
  hardware:
    - id: small-machine
      mrtd: "${toHex(mrtd)}"
      rtmr0: "${toHex(rtmrs[0])}"
`;
  const files = (['firmware', 'kernel', 'initrd'] as const).map((name) => stage.file(name, parts[name]));
  words = ['--policy', stage.file('parts.yml', policy), ...files.flatMap((file) => ['--boot-part', file])];
});
after(() => stage.close());

async function started(altered: Partial<TdxParts>, change: Partial<Scene> = {}): Promise<Scene> {
  const scene = await launched(honestScene(stage.world), release, { ...parts, ...altered });
  return { ...scene, ...change };
}

test('the parts that were started give the registers of the quote', async () => {
  const { status, stdout, stderr } = await verifyOnce(stage, await started({}), [...words, '--json']);
  assert.equal(status, 0, stdout + stderr);
  const { measurements } = JSON.parse(stdout) as AttestationResult;
  for (const name of ['mrtd', 'rtmr1', 'rtmr2'])
    assert.equal(measurements.recomputed[name], measurements.evidence[name], name);
  assert.equal(measurements.recomputed['rtmr0'], undefined);
});

test('read with -v, each register stands on a line of its own, and the log replays', async () => {
  const { stdout } = await verifyOnce(stage, await started({}), [...words, '-v']);
  for (const rule of ['recomputed.mrtd', 'recomputed.rtmr1', 'recomputed.rtmr2', 'tdx.event-log.rtmr0'])
    assert.match(stdout, new RegExp(`✓ ${rule.replaceAll('.', '\\.')}: expected [0-9a-f]{96};`));
});

test('without a part it is not recomputed, and the part is named', async () => {
  const { status, stdout } = await verifyOnce(stage, await started({}), words.slice(0, -2));
  assert.equal(status, 3, stdout);
  assert.match(stdout, /the initrd with SHA-256 [0-9a-f]{64} is not at hand: name it \(--boot-part FILE\)/);
});

const otherFirmware = (firmware: Uint8Array) => firmware.with(100, firmware[100]! ^ 1);
const alterations: Readonly<
  Record<string, { change: (own: TdxParts) => Partial<TdxParts>; says: RegExp; withoutLog: RegExp }>
> = {
  'a word more on the command line': {
    change: ({ cmdline }) => ({ cmdline: `${cmdline} init=/bin/sh` }),
    says: /the word "init=\/bin\/sh" was added/,
    withoutLog: /the word "init=\/bin\/sh" was added/,
  },
  'a word less on the command line': {
    change: ({ cmdline }) => ({ cmdline: cmdline.replace('readonly=on ', '') }),
    says: /the word "readonly=on" is missing/,
    withoutLog: /the word "readonly=on" is missing/,
  },
  'another command line': {
    change: () => ({ cmdline: 'quiet' }),
    says: /its command line is not, and no known change explains it; its initrd is the signed one/,
    withoutLog: /the kernel is the signed one; its command line or its initrd is not/,
  },
  'another initrd': {
    change: () => ({ initrd: utf8('another root file system!!') }),
    says: /its command line is too; its initrd is not: expected [0-9a-f]{96}, found [0-9a-f]{96}/,
    withoutLog: /the kernel is the signed one; its command line or its initrd is not/,
  },
  'another kernel': {
    change: () => ({ kernel: kernelImage({ trailingBytes: 8 }) }),
    says: /event 1 of RTMR1, kernel \(Authenticode, as QEMU patches it\), is not: expected [0-9a-f]{96}, found [0-9a-f]{96}/,
    withoutLog: /the kernel, or the memory that it was started with, is not/,
  },
  'other firmware': {
    change: ({ firmware }) => ({ firmware: otherFirmware(firmware) }),
    says: /the virtual hardware is that of small-machine; the firmware is not/,
    withoutLog: /the virtual hardware is that of small-machine; the firmware is not/,
  },
  'more processors': {
    change: () => ({ vcpus: 8 }),
    says: /the firmware is that of small-machine; the virtual hardware is not: processors, memory/,
    withoutLog: /the firmware is that of small-machine; the virtual hardware is not/,
  },
};

for (const [name, { change, says, withoutLog }] of Object.entries(alterations))
  test(`${name}: refused, and it is said what differs`, async () => {
    const scene = await started(change(parts));
    const logged = await verifyOnce(stage, scene, words);
    assert.equal(logged.status, 1, logged.stdout);
    assert.match(logged.stdout, says);
    const unlogged = await verifyOnce(stage, { ...scene, eventLog: undefined }, words);
    assert.equal(unlogged.status, 1, unlogged.stdout);
    assert.match(unlogged.stdout, withoutLog);
  });

test('a log that is not of this quote explains nothing: it is refused, and not believed', async () => {
  const { eventLog } = await launchTdx({ ...parts, cmdline: `${parts.cmdline} init=/bin/sh` });
  const scene = await started({ cmdline: 'quiet' }, { eventLog });
  const { status, stdout } = await verifyOnce(stage, scene, words);
  assert.equal(status, 1, stdout);
  assert.doesNotMatch(stdout, /init=\/bin\/sh/);
  assert.match(stdout, /EVENT_LOG|tdx\.event-log/);
});

test('a release for SEV-SNP alone says nothing of a trust domain', async () => {
  const snp = await releaseOf(stage.world, parts, {
    tdx_measurement: undefined,
    snp_measurement: 'ab'.repeat(48),
  });
  const { status, stdout } = await verifyOnce(stage, await started({}, { release: snp }), words);
  assert.equal(status, 3, stdout);
  assert.match(stdout, /the signed deployment has no value for tdx/);
});

test('a release for TDX alone says nothing of an SNP guest', async () => {
  const scene: Scene = { ...honestScene(stage.world), release, gpus: [] };
  const { status, stdout } = await verifyOnce(stage, scene);
  assert.equal(status, 3, stdout);
  assert.match(stdout, /the signed deployment has no value for sev-snp/);
});

test('a release that names one register of two is refused', async () => {
  const half = await releaseOf(stage.world, parts, { tdx_measurement: { rtmr1: '71'.repeat(48) } });
  const { status, stdout } = await verifyOnce(stage, await started({}, { release: half }), words);
  assert.equal(status, 1, stdout);
  assert.match(stdout, /DOCUMENT_MALFORMED/);
});

test('a signed register that does not follow from the signed parts is said to be wrong, whatever runs', async () => {
  const [wrong, { rtmrs }] = ['99'.repeat(48), await launchTdx(parts)];
  const lying = await releaseOf(stage.world, parts, {
    tdx_measurement: { rtmr1: wrong, rtmr2: toHex(rtmrs[2]) },
  });
  const honest = await verifyOnce(stage, await started({}, { release: lying }), words);
  assert.equal(honest.status, 1, honest.stdout);
  assert.match(honest.stdout, /the signed rtmr1 itself is wrong: the parts that were signed give/);
  const { quote = {}, ...scene } = await started({}, { release: lying });
  const registers = [rtmrs[0], new Uint8Array(48).fill(0x99), rtmrs[2], rtmrs[3]];
  const met = await verifyOnce(stage, { ...scene, quote: { ...quote, rtmrs: registers } }, words);
  assert.equal(met.status, 1, met.stdout);
  assert.match(met.stdout, /is another than the deployment names/);
});
