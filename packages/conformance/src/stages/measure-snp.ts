/** `measure-snp`: the launch digest that a VM must have. */
import { type JsonNode, toHex } from '@vitrine/bytes';
import { type DirectBoot, type Hashed, type SnpFirmware, measureSnp } from '@vitrine/measure';
import { rejecting } from '../rejecting.ts';
import { Rejection, type Stage } from '../stage.ts';

const metadataMembers = ['firmware_hash_hex', 'sections', 'hash_table_gpa', 'reset_eip'] as const;

export const measureSnpStage: Stage = async (input) => {
  input.onlyNames(
    'schema_version',
    'vmm',
    'vcpus',
    'vcpu_type',
    'vcpu_signature',
    'guest_features',
    'firmware_b64',
    ...metadataMembers,
    'svsm_b64',
    'vars_size',
    'kernel_sha256_hex',
    'kernel_b64',
    'initrd_sha256_hex',
    'initrd_b64',
    'cmdline',
  );
  const vmm = input.get('vmm').word('qemu', 'ec2', 'gce');
  const vcpus = input.get('vcpus').number();
  const vcpuType = input.optional('vcpu_type')?.string();
  const vcpuSignature = readSignature(input);
  const guestFeatures = readFeatures(input);
  const firmware = readFirmware(input);
  const svsm = readSvsm(input);
  const boot = readBoot(input);
  const { launchDigest } = await rejecting(() =>
    measureSnp({ vmm, vcpus, vcpuType, vcpuSignature, guestFeatures, firmware, svsm, boot }),
  );
  return { launch_digest_hex: toHex(launchDigest) };
};

function readSignature(input: JsonNode): number | undefined {
  const signature = input.optional('vcpu_signature')?.number();
  if (signature === undefined) return undefined;
  if (Number.isInteger(signature) && signature >= 0 && signature < 2 ** 32) return signature;
  throw invalid(`vcpu_signature must be a word of 32 bits, found ${signature}`);
}

/** A number, or hexadecimal with 0x, as tools print it. */
function readFeatures(input: JsonNode): bigint | undefined {
  const node = input.optional('guest_features');
  if (!node) return undefined;
  if (node.kind === 'number') {
    const value = node.number();
    if (Number.isInteger(value) && value >= 0) return BigInt(value);
    throw invalid(`guest_features must not be negative or broken, found ${value}`);
  }
  const text = node.string();
  if (/^0x[0-9a-fA-F]{1,16}$/.test(text)) return BigInt(text);
  throw invalid(`guest_features "${text.slice(0, 40)}" is no number`);
}

/** The firmware itself, or its hash with what a measurement needs of its metadata: all four members. */
function readFirmware(input: JsonNode): SnpFirmware {
  const bytes = input.optional('firmware_b64')?.base64();
  const given = metadataMembers.filter((name) => input.optional(name));
  if (bytes) {
    if (given.length > 0) throw invalid(`firmware_b64 does not go together with ${given.join(', ')}`);
    return { bytes };
  }
  if (given.length !== metadataMembers.length)
    throw invalid(`the firmware is needed: firmware_b64, or ${metadataMembers.join(', ')}`);
  return {
    digest: input.get('firmware_hash_hex').hex(),
    sections: input
      .get('sections')
      .items(64)
      .map((section) => {
        section.onlyNames('gpa', 'size', 'type');
        return {
          gpa: section.get('gpa').integer(0),
          sizeBytes: section.get('size').integer(0),
          type: section.get('type').integer(0),
        };
      }),
    hashTableGpa: input.get('hash_table_gpa').integer(0, 0xffffffff),
    resetEip: input.get('reset_eip').integer(0, 0xffffffff),
  };
}

function readSvsm(input: JsonNode): { bytes: Uint8Array; varsSizeBytes: number } | undefined {
  const bytes = input.optional('svsm_b64')?.base64();
  const varsSizeBytes = input.optional('vars_size')?.number();
  if (bytes) return { bytes, varsSizeBytes: varsSizeBytes ?? 0 };
  if (varsSizeBytes !== undefined) throw invalid('vars_size goes together with svsm_b64 only');
  return undefined;
}

function readBoot(input: JsonNode): DirectBoot | undefined {
  const kernel = readHashed(input, 'kernel');
  const initrd = readHashed(input, 'initrd');
  const cmdline = input.optional('cmdline')?.string();
  if (kernel) return { kernel, initrd, cmdline };
  // An empty command line is what callers without a kernel send.
  if (initrd || (cmdline !== undefined && cmdline !== ''))
    throw invalid('initrd and cmdline are measured with a kernel only');
  return undefined;
}

function readHashed(input: JsonNode, name: 'kernel' | 'initrd'): Hashed | undefined {
  const bytes = input.optional(`${name}_b64`)?.base64();
  const sha256 = input.optional(`${name}_sha256_hex`)?.hex();
  if (bytes && sha256) throw invalid(`give ${name}_b64 or ${name}_sha256_hex, not both`);
  if (bytes) return { bytes };
  return sha256 && { sha256 };
}

function invalid(why: string): Rejection {
  return new Rejection('INPUT_INVALID', `The input: ${why}.`);
}
