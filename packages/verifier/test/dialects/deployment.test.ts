/** The deployment file: strict, and enough to recompute a launch digest where it says so. */
/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-return -- documents are damaged anywhere, also where types say that nothing is */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseJson, toBase64, utf8 } from '@vitrine/bytes';
import { measureSnp } from '@vitrine/measure';
import { parseDeployment, readDeployment } from '../../src/dialects/index.ts';
import { type Json, altered, refused, textAltered } from './refusal.ts';

const hex = (byte: string, bytes: number): string => byte.repeat(bytes);
const config = utf8('cpus: 4\n');
const full = {
  snp_measurement: hex('1a', 48),
  tdx_measurement: { rtmr1: hex('2b', 48), rtmr2: hex('3c', 48) },
  cmdline: `root=/dev/mapper/root roothash=${hex('4d', 32)}`,
  hashes: { root: hex('4d', 32), kernel: hex('5e', 32), initrd: hex('6f', 32) },
  config: toBase64(config),
  firmware: { sev_snp: { type: 'ovmf', version: 'v0.0.4', sha256: hex('7a', 32) } },
  vm_shape: { cpus: 4, memory_mb: 8192, gpus: 1, disks: 4 },
  measurement_inputs: {
    snp: {
      vmm: 'qemu',
      vcpus: 4,
      vcpu_type: 'EPYC-v4',
      guest_features: 1,
      firmware_hash_hex: hex('8b', 48),
      sections: [{ gpa: 0x810000, size: 0x10000, type: 1 }],
      hash_table_gpa: 0x810c00,
      reset_eip: 0x80b004,
    },
  },
};
const file = utf8(JSON.stringify(full));

describe('a deployment file', () => {
  test('gives every fact that it states', () => {
    assert.deepEqual(parseDeployment(file), {
      snpMeasurement: full.snp_measurement,
      tdxMeasurement: full.tdx_measurement,
      cmdline: full.cmdline,
      hashes: full.hashes,
      config,
      firmware: { snpSha256: hex('7a', 32), tdxSha256: undefined },
      vmShape: { cpus: 4, memoryMib: 8192, gpus: 1, disks: 4 },
      measurementInputs: {
        vmm: 'qemu',
        vcpus: 4,
        vcpuType: 'EPYC-v4',
        vcpuSignature: undefined,
        guestFeatures: 1n,
        firmware: {
          digest: new Uint8Array(48).fill(0x8b),
          sections: [{ gpa: 0x810000, sizeBytes: 0x10000, type: 1 }],
          hashTableGpa: 0x810c00,
          resetEip: 0x80b004,
        },
      },
    });
  });

  test('of a release before all additions has the facts of then', () => {
    const { snp_measurement, tdx_measurement, cmdline, hashes, config: text } = full;
    const old = utf8(JSON.stringify({ snp_measurement, tdx_measurement, cmdline, hashes, config: text }));
    const { firmware, vmShape, measurementInputs } = parseDeployment(old);
    assert.deepEqual([firmware, vmShape, measurementInputs], [undefined, undefined, undefined]);
  });

  test('is the same as predicate of a signed statement', () => {
    const statement = parseJson(utf8(`{"predicate":${JSON.stringify(full)}}`), 'statement');
    assert.deepEqual(readDeployment(statement.get('predicate')), parseDeployment(file));
  });

  test('that has measurement inputs is enough to compute a launch digest from hashes', async () => {
    const { measurementInputs, hashes, cmdline } = parseDeployment(
      altered(file, (json) => {
        json.measurement_inputs.snp.sections = [{ gpa: 0x810000, size: 4096, type: 0x10 }];
      }),
    );
    const { vmm, vcpus, vcpuType, guestFeatures, firmware } = measurementInputs!;
    const bytes = (text: string): Uint8Array =>
      Uint8Array.from(text.match(/../g)!, (pair) => parseInt(pair, 16));
    const { launchDigest } = await measureSnp({
      vmm,
      vcpus,
      vcpuType,
      guestFeatures,
      firmware: firmware!,
      boot: { kernel: { sha256: bytes(hashes.kernel) }, initrd: { sha256: bytes(hashes.initrd) }, cmdline },
    });
    assert.equal(launchDigest.length, 48);
  });

  const inputs = (change: (json: Json) => void) => (json: Json) => change(json.measurement_inputs.snp);
  const refusals: readonly [name: string, change: (json: Json) => void, about: RegExp][] = [
    ['another member', (json) => (json.repo = 'a/b'), /repo/],
    ['a launch digest of 32 bytes', (json) => (json.snp_measurement = hex('1a', 32)), /snp_measurement/],
    ['a launch digest in upper case', (json) => (json.snp_measurement = hex('1A', 48)), /lower-case/],
    ['RTMR1 only', (json) => delete json.tdx_measurement.rtmr2, /rtmr2/],
    ['RTMR3 too', (json) => (json.tdx_measurement.rtmr3 = hex('00', 48)), /rtmr3/],
    ['no command line', (json) => delete json.cmdline, /cmdline/],
    ['a command line with a line break', (json) => (json.cmdline = 'ro\n'), /cmdline/],
    ['a command line with a NUL', (json) => (json.cmdline = 'ro\0'), /cmdline/],
    ['a command line that is not ASCII', (json) => (json.cmdline = 'é'), /cmdline/],
    ['a command line of 4097 signs', (json) => (json.cmdline = 'a'.repeat(4097)), /cmdline/],
    ['no hashes', (json) => delete json.hashes, /hashes/],
    ['a hash of something else', (json) => (json.hashes.dtb = hex('5e', 32)), /dtb/],
    ['no kernel', (json) => delete json.hashes.kernel, /kernel/],
    ['a kernel hash with a prefix', (json) => (json.hashes.kernel = `sha256:${hex('5e', 32)}`), /kernel/],
    ['a configuration that is YAML and not base64', (json) => (json.config = 'cpus: 4'), /config/],
    ['firmware without a hash', (json) => delete json.firmware.sev_snp.sha256, /sha256/],
    ['another member about firmware', (json) => (json.firmware.sev_snp.url = ''), /url/],
    ['another member about the VM', (json) => (json.vm_shape.nics = 1), /nics/],
    ['another measurement input', inputs((json) => (json.svsm = '')), /svsm/],
    ['firmware of another platform', (json) => (json.firmware.cca = {}), /cca/],
    ['no processors', (json) => (json.vm_shape.cpus = 0), /cpus/],
    ['half a processor', (json) => (json.vm_shape.cpus = 0.5), /cpus/],
    ['memory as a text', (json) => (json.vm_shape.memory_mb = '8192'), /memory_mb/],
    ['measurement inputs of another platform', (json) => (json.measurement_inputs.tdx = {}), /tdx/],
    ['another monitor', inputs((json) => (json.vmm = 'xen')), /vmm/],
    ['a processor named twice', inputs((json) => (json.vcpu_signature = 8392466)), /both/],
    ['a processor not named', inputs((json) => delete json.vcpu_type), /none/],
    ['4097 processors', inputs((json) => (json.vcpus = 4097)), /vcpus/],
    ['features as a text', inputs((json) => (json.guest_features = '0x1')), /guest_features/],
    ['negative features', inputs((json) => (json.guest_features = -1)), /guest_features/],
    [
      'a firmware hash of 32 bytes',
      inputs((json) => (json.firmware_hash_hex = hex('8b', 32))),
      /firmware_hash_hex/,
    ],
    ['a section without a size', inputs((json) => (json.sections[0].size = 0)), /size/],
    ['a section over 4 GiB', inputs((json) => (json.sections[0].gpa = 2 ** 32)), /gpa/],
    ['65 sections', inputs((json) => (json.sections = new Array(65).fill(json.sections[0]))), /64/],
    ['another member in a section', inputs((json) => (json.sections[0].name = 'kernel')), /name/],
    ['no reset address', inputs((json) => delete json.reset_eip), /reset_eip/],
  ];
  for (const [name, change, about] of refusals)
    test(`is refused with ${name}`, () =>
      refused(() => parseDeployment(altered(file, change)), 'DOCUMENT_MALFORMED', about));

  test('is refused with a member twice', () =>
    refused(() => parseDeployment(textAltered(file, '{', '{"cmdline":"",')), 'DOCUMENT_MALFORMED'));
  test('is refused where a statement has no predicate', () =>
    refused(() => readDeployment(undefined), 'DOCUMENT_MALFORMED'));
  test('is refused where it is no object', () =>
    refused(() => parseDeployment(utf8('[]')), 'DOCUMENT_MALFORMED'));
});
