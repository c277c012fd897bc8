/**
 * An SNP report that was taken apart into JSON, put together again: every byte stands where the firmware had it
 * (SEV-SNP ABI 56860 section 7.3), or the signature would not fit.
 */
import { type JsonNode, concatBytes } from '@vitrine/bytes';
import { malformed } from '../reading.ts';

type Field = readonly [name: string, write: (node: JsonNode) => Uint8Array];

const u8 = (node: JsonNode): Uint8Array => Uint8Array.of(node.integer(0, 0xff));
const u32 = (node: JsonNode): Uint8Array => littleEndian(node.integer(0, 0xffffffff), 4);
const u64 = (node: JsonNode): Uint8Array => littleEndian(node.integer(0), 8);

function littleEndian(value: number, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  for (let at = 0, rest = BigInt(value); at < lengthBytes; at++, rest >>= 8n)
    bytes[at] = Number(rest & 0xffn);
  return bytes;
}

const array =
  (lengthBytes: number) =>
  (node: JsonNode): Uint8Array => {
    const items = node.items(lengthBytes);
    if (items.length !== lengthBytes) throw malformed(node.path, `${lengthBytes} bytes`, `${items.length}`);
    return Uint8Array.from(items, (item) => item.integer(0, 0xff));
  };

const structure =
  (fields: readonly Field[], extras: readonly string[] = []) =>
  (node: JsonNode): Uint8Array => {
    node.onlyNames(...fields.map(([name]) => name), ...extras);
    return concatBytes(...fields.map(([name, write]) => write(node.get(name))));
  };

const tcb = structure([
  ['bootloader', u8],
  ['tee', u8],
  ['_reserved', array(4)],
  ['snp', u8],
  ['microcode', u8],
]);

/** r and s, little-endian, and what fills the signature's 512 bytes. */
const signature = structure([
  ['r', array(72)],
  ['s', array(72)],
  ['_reserved', array(368)],
]);

/** In the report's order, by the names of the library that took it apart. */
const report = structure(
  [
    ['version', u32],
    ['guest_svn', u32],
    ['policy', u64],
    ['family_id', array(16)],
    ['image_id', array(16)],
    ['vmpl', u32],
    ['sig_algo', u32],
    ['current_tcb', tcb],
    ['plat_info', u64],
    ['_author_key_en', u32],
    ['_reserved_0', u32],
    ['report_data', array(64)],
    ['measurement', array(48)],
    ['host_data', array(32)],
    ['id_key_digest', array(48)],
    ['author_key_digest', array(48)],
    ['report_id', array(32)],
    ['report_id_ma', array(32)],
    ['reported_tcb', tcb],
    ['_reserved_1', array(24)],
    ['chip_id', array(64)],
    ['committed_tcb', tcb],
    ['current_build', u8],
    ['current_minor', u8],
    ['current_major', u8],
    ['_reserved_2', u8],
    ['committed_build', u8],
    ['committed_minor', u8],
    ['committed_major', u8],
    ['_reserved_3', u8],
    ['launch_tcb', tcb],
    ['_reserved_4', array(168)],
    ['signature', signature],
  ],
  ['vcek', 'launch'],
);

/** 1184 bytes, which the fields add up to. @throws VerifierError DOCUMENT_MALFORMED, BytesError JSON_SHAPE */
export function readBlyssReport(node: JsonNode): Uint8Array {
  return report(node);
}
