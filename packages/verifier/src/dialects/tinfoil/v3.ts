/** Tinfoil's document of version 3: the client's nonce, keys and devices under one hash, and collateral beside it. */
import { type JsonNode, concatBytes, parseJson, sha256, toHex, utf8 } from '@vitrine/bytes';
import type { Presented, PresentedCpu, PresentedKeys } from '../../presented.ts';
import {
  documentLimits,
  exactBase64,
  lowerHex,
  lowerHexBytes,
  malformed,
  maximumQuoteBytes,
  nonceBytes,
  quoted,
  readDocument,
  requireUnique,
  snpReportBytes,
  someBase64,
  unsupported,
} from '../reading.ts';
import { type Collateral, readCollateral } from './collateral.ts';
import { readDeviceSection } from './devices.ts';

export const tinfoilV3Format = 'https://tinfoil.sh/predicate/attestation/v3';
export const reportDataAlgorithm = 'https://tinfoil.sh/report-data/v1';
const what = 'Tinfoil v3 document';
const ROOT = 'https://tinfoil.sh/';
const keyFormat = {
  tls: `${ROOT}key/spki-fp-sha256/v1`,
  hpke: `${ROOT}key/x25519-hpke/v1`,
} as const;
const MAX_KEYS = 64;
const MAX_KEY_CHARACTERS = 16 * 1024;
const MAX_SECTION_BYTES = 8 * 1024 * 1024;

/**
 * @param bytes the document as it came
 * @throws VerifierError DOCUMENT_MALFORMED: also where a hash or REPORTDATA that it states is not that of its own parts;
 *   EVIDENCE_UNSUPPORTED
 */
export function parseTinfoilV3(bytes: Uint8Array): Promise<Presented> {
  return readDocument(what, () => presentTinfoilV3(parseJson(bytes, what, documentLimits)));
}

export async function presentTinfoilV3(document: JsonNode): Promise<Presented> {
  document.onlyNames(
    'format',
    'challenge',
    'cpu_evidence',
    'crypto_material',
    'device_evidence',
    'collateral',
  );
  document.get('format').word(tinfoilV3Format);
  const challenge = readChallenge(document.get('challenge'));
  const keyBytes = someBase64(document.get('crypto_material'), MAX_SECTION_BYTES);
  const deviceBytes = someBase64(document.get('device_evidence'), MAX_SECTION_BYTES);
  const expectedReportData = await requireHashes(document, challenge, keyBytes, deviceBytes);
  const collateral = readCollateral(document.get('collateral'));
  return {
    dialect: 'tinfoil',
    form: 'v3',
    cpu: readCpu(document.get('cpu_evidence'), collateral),
    binding: {
      expectedReportData,
      rule: `SHA-256("${reportDataAlgorithm}" ‖ nonce ‖ SHA-256(crypto_material) ‖ SHA-256(device_evidence)) ‖ zeros`,
      source: `Tinfoil attestation document v3, ${reportDataAlgorithm}`,
      nonce: challenge.nonce,
      coversDevices: true,
    },
    keys: readKeys(keyBytes),
    devices: { devices: readDeviceSection(deviceBytes, challenge.nonce, collateral) },
    release: collateral.release,
    launch: {},
  };
}

/** 64 bytes: SHA-256 of algorithm, nonce and both sections' hashes, then zeros. */
export async function tinfoilReportData(
  nonce: Uint8Array,
  cryptoMaterial: Uint8Array,
  deviceEvidence: Uint8Array,
): Promise<Uint8Array> {
  const hashes = concatBytes(await sha256(cryptoMaterial), await sha256(deviceEvidence));
  const digest = await sha256(concatBytes(utf8(reportDataAlgorithm), nonce, hashes));
  return concatBytes(digest, new Uint8Array(32));
}

interface Challenge {
  readonly nonce: Uint8Array;
  readonly reportData: string;
}

function readChallenge(challenge: JsonNode): Challenge {
  challenge.onlyNames('nonce', 'report_data', 'report_data_algorithm');
  challenge.get('report_data_algorithm').word(reportDataAlgorithm);
  return {
    nonce: lowerHexBytes(challenge.get('nonce'), nonceBytes),
    reportData: lowerHex(challenge.get('report_data'), 64),
  };
}

/** What the document says of its own parts must be so, although nothing is decided by it. */
async function requireHashes(
  document: JsonNode,
  { nonce, reportData }: Challenge,
  keyBytes: Uint8Array,
  deviceBytes: Uint8Array,
): Promise<Uint8Array> {
  const endorsed = document.get('cpu_evidence').get('endorsed');
  endorsed.onlyNames('crypto_material_hash', 'device_evidence_hash');
  for (const [name, bytes] of [
    ['crypto_material_hash', keyBytes],
    ['device_evidence_hash', deviceBytes],
  ] as const) {
    const stated = lowerHex(endorsed.get(name), 32);
    const actual = toHex(await sha256(bytes));
    if (stated !== actual) throw malformed(`${endorsed.path}.${name}`, actual, stated);
  }
  const expected = await tinfoilReportData(nonce, keyBytes, deviceBytes);
  if (reportData !== toHex(expected))
    throw malformed(`${document.path}.challenge.report_data`, toHex(expected), reportData);
  return expected;
}

function readCpu(evidence: JsonNode, { snp, tdx }: Collateral): PresentedCpu {
  evidence.onlyNames('format', 'report_base64', 'endorsed');
  const format = evidence.get('format').string();
  const report = evidence.get('report_base64');
  switch (format) {
    case `${ROOT}format/sev-snp-report/v1`:
      return { platform: 'sev-snp', report: exactBase64(report, snpReportBytes), ...snp };
    case `${ROOT}format/tdx-quote/v1`:
      return { platform: 'tdx', quote: someBase64(report, maximumQuoteBytes), collateral: tdx };
    default:
      throw unsupported(`${evidence.path}.format`, format);
  }
}

/** A format that is not known is a key of the service's own: attested, and for others to interpret. */
function readKeys(bytes: Uint8Array): PresentedKeys {
  const where = `${what}.crypto_material`;
  const section = parseJson(bytes, where, documentLimits).onlyNames('format', 'items');
  section.get('format').word(`${ROOT}crypto-material/v1`);
  const items = section.get('items').items(MAX_KEYS).map(readKey);
  requireUnique(
    items.map(({ id }) => id),
    where,
  );
  const tls = keyOf(items, 'tls', where);
  if (tls === undefined) throw malformed(where, 'a key "tls"', 'none');
  return {
    tlsSpkiSha256: tls,
    hpkePublicKey: keyOf(items, 'hpke', where),
    others: Object.fromEntries(
      items.filter(({ id }) => id !== 'tls' && id !== 'hpke').map(({ id, data }) => [id, data]),
    ),
  };
}

interface Key {
  readonly id: string;
  readonly format: string;
  readonly data: string;
}

function readKey(item: JsonNode): Key {
  item.onlyNames('id', 'format', 'data');
  const id = item.get('id').string();
  const format = item.get('format').string();
  if (id === '' || id.length > 128 || format === '')
    throw malformed(item.path, 'an id and a format', quoted(id));
  const isShort = (Object.values(keyFormat) as string[]).includes(format);
  const data = lowerHex(item.get('data'), isShort ? 32 : undefined);
  if (data.length === 0 || data.length > MAX_KEY_CHARACTERS)
    throw malformed(item.path, `1 to ${MAX_KEY_CHARACTERS / 2} bytes`, `${data.length / 2}`);
  return { id, format, data };
}

function keyOf(items: readonly Key[], id: 'tls' | 'hpke', where: string): string | undefined {
  const item = items.find((one) => one.id === id);
  if (item && item.format !== keyFormat[id])
    throw malformed(`${where}, key "${id}"`, keyFormat[id], quoted(item.format));
  return item?.data;
}
