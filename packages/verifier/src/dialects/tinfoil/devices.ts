/** The device evidence of a v3 document: GPUs and switches of NVIDIA's, over the document's nonce. */
import { type JsonNode, decodeUtf8, parseJson } from '@vitrine/bytes';
import type { PresentedDevice } from '../../presented.ts';
import {
  documentLimits,
  lowerHex,
  malformed,
  matching,
  maximumDevices,
  nonceBytes,
  requireUnique,
  someBase64,
  unsupported,
} from '../reading.ts';
import type { Collateral } from './collateral.ts';

const where = 'Tinfoil v3 document.device_evidence';
const FORMAT = 'https://tinfoil.sh/format/';
const kinds: ReadonlyMap<string, 'gpu' | 'switch'> = new Map([
  [`${FORMAT}nvidia-gpu-evidence/v1`, 'gpu'],
  [`${FORMAT}nvidia-nvswitch-evidence/v1`, 'switch'],
]);
const MAX_REPORT_BYTES = 128 * 1024;
const MAX_CHAIN_BYTES = 64 * 1024;

/** @param nonce what each device must have reported over */
export function readDeviceSection(
  bytes: Uint8Array,
  nonce: Uint8Array,
  { devices: endorsements }: Collateral,
): PresentedDevice[] {
  const section = parseJson(bytes, where, documentLimits).onlyNames('format', 'items');
  section.get('format').word('https://tinfoil.sh/device-evidence/v1');
  const devices = section
    .get('items')
    .items(maximumDevices)
    .flatMap((item) => readItem(item, nonce));
  requireUnique(
    devices.map(({ id }) => id),
    where,
  );
  return devices.map((device) => ({ ...device, ...endorsements.get(device.id) }));
}

function readItem(item: JsonNode, nonce: Uint8Array): PresentedDevice[] {
  item.onlyNames('id', 'kind', 'vendor', 'format', 'evidence');
  const id = matching(item.get('id'), /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'an identifier');
  item.get('kind').string();
  const vendor = item.get('vendor').string();
  const format = item.get('format').string();
  const kind = kinds.get(format);
  if (!kind || vendor !== 'nvidia') throw unsupported(`${item.path}.format`, `${vendor} ${format}`);
  const evidence = item.get('evidence');
  if (kind === 'gpu') {
    evidence.onlyNames('arch', 'certificate', 'evidence', 'nonce');
    return [readEvidence(id, kind, evidence, nonce)];
  }
  // As NVIDIA's tool printed it: one switch, or a list of them, with members of the tool's own.
  if (evidence.kind !== 'array') return [readEvidence(id, kind, evidence, nonce)];
  const switches = evidence.items(maximumDevices);
  if (switches.length === 0) throw malformed(evidence.path, 'a switch at least', 'none');
  return switches.map((one, at) =>
    readEvidence(switches.length === 1 ? id : `${id}.${at}`, kind, one, nonce),
  );
}

function readEvidence(
  id: string,
  kind: 'gpu' | 'switch',
  evidence: JsonNode,
  nonce: Uint8Array,
): PresentedDevice {
  evidence.get('arch').string();
  // What it says itself; what its report says is compared with the document's nonce, by the device's checks.
  lowerHex(evidence.get('nonce'), nonceBytes);
  const chain = evidence.get('certificate');
  return {
    id,
    kind,
    report: someBase64(evidence.get('evidence'), MAX_REPORT_BYTES),
    chain: decodeUtf8(someBase64(chain, MAX_CHAIN_BYTES), chain.path),
    nonce,
  };
}
