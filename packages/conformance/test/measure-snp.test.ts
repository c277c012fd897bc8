/** `measure-snp` against the known answers, and what it refuses. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { toHex, utf8 } from '@vitrine/bytes';
import { firmwareDigest, readSnpMetadata } from '@vitrine/measure';
import { type Outcome, run } from '../src/run.ts';

const folder = new URL('../../../../shared/fixtures/measure/', import.meta.url).pathname;
const skip = !existsSync(folder) && `no fixtures at ${folder}`;

interface Answer {
  readonly name: string;
  readonly mode: string;
  readonly vmm: string;
  readonly vmmRevision?: string;
  readonly vcpus: number;
  readonly vcpuType: string | null;
  readonly firmware: string;
  readonly firmwareHash: string | null;
  readonly kernel: string | null;
  readonly initrd: string | null;
  readonly cmdline: string | null;
  readonly guestFeatures: string;
  readonly expect: { readonly digest?: string };
}

const answers = existsSync(folder)
  ? (JSON.parse(readFileSync(`${folder}known-answers.json`, 'utf8')) as { cases: Answer[] }).cases
  : [];

function stage(input: object): Promise<Outcome> {
  return run(['measure-snp'], () => utf8(JSON.stringify({ schema_version: '1', ...input })), {
    now: new Date(0),
  });
}

function firmwareOf({ firmware }: { firmware: string }): Uint8Array {
  return new Uint8Array(readFileSync(folder + firmware));
}

function firmwareMembers(firmware: Uint8Array, hashHex: string): object {
  const { sections, hashTableGpa, resetEip } = readSnpMetadata(firmware);
  return {
    firmware_hash_hex: hashHex,
    sections: sections.map(({ gpa, sizeBytes, type }) => ({ gpa, size: sizeBytes, type })),
    hash_table_gpa: hashTableGpa,
    reset_eip: resetEip,
  };
}

function inputOf(answer: Answer): Record<string, unknown> {
  const firmware = firmwareOf(answer);
  return {
    vmm: answer.vmm,
    vcpus: answer.vcpus,
    guest_features: Number(answer.guestFeatures),
    ...(answer.vmmRevision?.startsWith('rdx=0 ') ? { vcpu_signature: 0 } : {}),
    ...(answer.vmm === 'qemu' ? { vcpu_type: answer.vcpuType } : {}),
    ...(answer.firmwareHash === null
      ? { firmware_b64: Buffer.from(firmware).toString('base64') }
      : firmwareMembers(firmware, answer.firmwareHash)),
    ...(answer.kernel === null ? {} : { kernel_b64: '' }),
    ...(answer.initrd === null ? {} : { initrd_b64: '' }),
    ...(answer.cmdline === null ? {} : { cmdline: answer.cmdline }),
  };
}

function digestOf({ output }: Outcome): string {
  return (output as { outputs: { launch_digest_hex: string } }).outputs.launch_digest_hex;
}

function codeOf({ output }: Outcome): string {
  return (output as { rejection: { code: string } }).rejection.code;
}

describe('known answers', { skip }, () => {
  for (const answer of answers.filter(({ mode }) => mode === 'snp')) {
    test(answer.name, async () => {
      const outcome = await stage(inputOf(answer));
      if (answer.expect.digest === undefined) assert.equal(codeOf(outcome), 'KERNEL_HASHES_UNSUPPORTED');
      else assert.equal(digestOf(outcome), answer.expect.digest, outcome.message);
    });
  }
});

const plain = answers.find(({ name }) => name === 'snp_default')!;

/** The plain input without some of its members. */
function without(...names: readonly string[]): object {
  return Object.fromEntries(Object.entries(inputOf(plain)).filter(([name]) => !names.includes(name)));
}

test('a firmware and its hash with metadata measure the same', { skip }, async () => {
  const firmware = firmwareOf(plain);
  const byHash = {
    ...without('firmware_b64'),
    ...firmwareMembers(firmware, toHex(await firmwareDigest(firmware))),
  };
  assert.equal(digestOf(await stage(byHash)), plain.expect.digest);
});

test('hashes of kernel and initrd stand for them', { skip }, async () => {
  const ofNothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const byHash = {
    ...without('kernel_b64', 'initrd_b64'),
    kernel_sha256_hex: ofNothing,
    initrd_sha256_hex: ofNothing,
  };
  assert.equal(digestOf(await stage(byHash)), plain.expect.digest);
});

test('every input that is measured changes the digest', { skip }, async () => {
  const changes = [
    { vcpus: 2 },
    { guest_features: 1 },
    { guest_features: '0x1' },
    { vcpu_type: 'EPYC-Milan' },
    { vcpu_signature: 1 },
    { cmdline: 'console=ttyS0 loglevel=8' },
    { kernel_b64: 'AA==' },
    { initrd_b64: 'AA==' },
  ];
  for (const change of changes) {
    const outcome = await stage({ ...inputOf(plain), ...change });
    assert.match(digestOf(outcome), /^[0-9a-f]{96}$/);
    assert.notEqual(digestOf(outcome), plain.expect.digest, JSON.stringify(change));
  }
});

test('what does not go together or is out of range is refused as INPUT_INVALID', { skip }, async () => {
  const base = inputOf(plain);
  const refused: readonly object[] = [
    { ...base, vcpus: 0 },
    { ...base, vcpus: 1.5 },
    { ...base, vcpus: 100_000 },
    { ...base, vcpu_type: 'i486' },
    without('vcpu_type'),
    { ...base, vcpu_signature: -1 },
    { ...base, vcpu_signature: 2 ** 32 },
    { ...base, guest_features: -1 },
    { ...base, guest_features: 'many' },
    { ...base, reset_eip: 0 },
    without('firmware_b64'),
    { ...base, kernel_sha256_hex: '00'.repeat(32) },
    { ...without('kernel_b64'), kernel_sha256_hex: '00' },
    without('kernel_b64'),
    { ...base, vars_size: 4096 },
  ];
  for (const input of refused) {
    const outcome = await stage(input);
    assert.equal(outcome.exitStatus, 10, JSON.stringify(input).slice(0, 200));
    assert.equal(codeOf(outcome), 'INPUT_INVALID', JSON.stringify(input).slice(0, 200));
  }
});

test('a firmware that is none is refused as FIRMWARE_MALFORMED', { skip }, async () => {
  const firmware = firmwareOf(plain);
  const footer = firmware.slice();
  footer[firmware.length - 48]! ^= 1;
  for (const bytes of [new Uint8Array(0), firmware.subarray(1), new Uint8Array(4096), footer]) {
    const outcome = await stage({ ...inputOf(plain), firmware_b64: Buffer.from(bytes).toString('base64') });
    assert.equal(codeOf(outcome), 'FIRMWARE_MALFORMED', `${bytes.length} bytes`);
  }
});

test('members of other types and names are malformed input', { skip }, async () => {
  const base = inputOf(plain);
  for (const change of [
    { vmm: 'xen' },
    { vcpus: '1' },
    { firmware_b64: 'a' },
    { kernel: '' },
    { cmdline: 1 },
  ])
    assert.equal((await stage({ ...base, ...change })).exitStatus, 30, JSON.stringify(change));
});
