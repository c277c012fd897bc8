/** The native evidence document (docs/evidence-document.md): nonce, processor, keys and devices under one hash. */
import {
  type JsonNode,
  concatBytes,
  decodeUtf8,
  parseJson,
  sha256,
  sha512,
  toHex,
  utf8,
} from '@vitrine/bytes';
import type {
  Presented,
  PresentedCollateral,
  PresentedCpu,
  PresentedDevice,
  PresentedKeys,
  PresentedLaunch,
  PresentedRelease,
} from '../presented.ts';
import {
  documentLimits,
  exactBase64,
  lowerHex,
  lowerHexBytes,
  malformed,
  matching,
  maximumDevices,
  maximumQuoteBytes,
  maybe,
  nonceBytes,
  readDocument,
  repositoryName,
  requireUnique,
  snpReportBytes,
  someBase64,
  tagName,
} from './reading.ts';

export const vitrineFormat = 'vitrine-evidence/v1';
/** What the hash begins with: no other protocol's hash can be mistaken for it. */
const LABEL = 'vitrine attestation v1';
const SOURCE = 'docs/evidence-document.md section 5';
const what = 'Vitrine evidence document';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Of a DER certificate, of a revocation list, of a manifest, of the deployment file, of one bundle. */
const limits = {
  certificateBytes: 64 * KIB,
  crlBytes: 4 * MIB,
  rimBytes: 4 * MIB,
  ocspBytes: 64 * KIB,
  keysBytes: 64 * KIB,
  devicesBytes: 8 * MIB,
  deploymentBytes: 4 * MIB,
  bundleBytes: 4 * MIB,
  reportBytes: 128 * KIB,
  eventLogBytes: 4 * MIB,
  chainCharacters: 64 * KIB,
  bundles: 8,
  otherKeys: 32,
} as const;

/**
 * @param bytes the document as it came
 * @throws VerifierError DOCUMENT_MALFORMED, EVIDENCE_UNSUPPORTED
 */
export function parseVitrine(bytes: Uint8Array): Promise<Presented> {
  return readDocument(what, () => presentVitrine(parseJson(bytes, what, documentLimits)));
}

export async function presentVitrine(document: JsonNode): Promise<Presented> {
  document.onlyNames(
    'format',
    'nonce',
    'cpu',
    'keys',
    'devices',
    'device_endorsements',
    'deployment',
    'launch',
  );
  document.get('format').word(vitrineFormat);
  const nonce = lowerHexBytes(document.get('nonce'), nonceBytes);
  const keyBytes = someBase64(document.get('keys'), limits.keysBytes);
  const deviceBytes = someBase64(document.get('devices'), limits.devicesBytes);
  return {
    dialect: 'vitrine',
    form: 'v1',
    cpu: readCpu(document.get('cpu')),
    binding: {
      expectedReportData: await vitrineReportData(nonce, keyBytes, deviceBytes),
      rule: `SHA-512("${LABEL}" ‖ nonce ‖ SHA-256(keys) ‖ SHA-256(devices))`,
      source: SOURCE,
      nonce,
      coversDevices: true,
    },
    keys: readKeys(keyBytes),
    devices: { devices: readDevices(deviceBytes, document.optional('device_endorsements'), nonce) },
    release: await readRelease(document.optional('deployment')),
    launch: maybe(document, 'launch', readLaunch) ?? {},
  };
}

/**
 * 64 bytes: what REPORTDATA must be.
 * @param keys exact bytes of the document's keys
 * @param devices exact bytes of the document's devices
 */
export async function vitrineReportData(
  nonce: Uint8Array,
  keys: Uint8Array,
  devices: Uint8Array,
): Promise<Uint8Array> {
  return sha512(concatBytes(utf8(LABEL), nonce, await sha256(keys), await sha256(devices)));
}

function readCpu(cpu: JsonNode): PresentedCpu {
  return cpu.get('platform').word('sev-snp', 'tdx') === 'sev-snp' ? readSnp(cpu) : readTdx(cpu);
}

function readSnp(cpu: JsonNode): PresentedCpu {
  cpu.onlyNames('platform', 'report', 'endorsements');
  const endorsements = cpu.optional('endorsements')?.onlyNames('vcek', 'chain', 'crl');
  return {
    platform: 'sev-snp',
    report: exactBase64(cpu.get('report'), snpReportBytes),
    ...(endorsements && {
      vcek: maybe(endorsements, 'vcek', (node) => someBase64(node, limits.certificateBytes)),
      intermediates: maybe(endorsements, 'chain', (node) =>
        node.items(4).map((item) => someBase64(item, limits.certificateBytes)),
      ),
      crl: maybe(endorsements, 'crl', (node) => someBase64(node, limits.crlBytes)),
    }),
  };
}

function readTdx(cpu: JsonNode): PresentedCpu {
  cpu.onlyNames('platform', 'quote', 'collateral', 'event_log');
  return {
    platform: 'tdx',
    quote: someBase64(cpu.get('quote'), maximumQuoteBytes),
    collateral: maybe(cpu, 'collateral', readCollateral),
    eventLog: maybe(cpu, 'event_log', (node) => someBase64(node, limits.eventLogBytes)),
  };
}

function readCollateral(collateral: JsonNode): PresentedCollateral {
  collateral.onlyNames(
    'tcb_info',
    'tcb_info_issuer_chain',
    'qe_identity',
    'qe_identity_issuer_chain',
    'pck_crl',
    'pck_crl_issuer_chain',
    'root_crl',
  );
  const bytes = (name: string): Uint8Array | undefined =>
    maybe(collateral, name, (node) => someBase64(node, limits.crlBytes));
  const text = (name: string): string | undefined =>
    maybe(collateral, name, (node) => decodeUtf8(someBase64(node, limits.certificateBytes), node.path));
  return {
    tcbInfo: bytes('tcb_info'),
    tcbInfoIssuerChain: text('tcb_info_issuer_chain'),
    qeIdentity: bytes('qe_identity'),
    qeIdentityIssuerChain: text('qe_identity_issuer_chain'),
    pckCrl: bytes('pck_crl'),
    pckCrlIssuerChain: text('pck_crl_issuer_chain'),
    rootCrl: bytes('root_crl'),
  };
}

const identifier = /^[a-z][a-z0-9-]{0,62}$/;

function readKeys(bytes: Uint8Array): PresentedKeys {
  const keys = parseJson(bytes, `${what}.keys`, documentLimits).onlyNames('tls', 'hpke', 'others');
  const others = keys.optional('others');
  const names = others?.names() ?? [];
  if (names.length > limits.otherKeys)
    throw malformed(`${what}.keys.others`, `at most ${limits.otherKeys} keys`, `${names.length}`);
  const bad = names.find((name) => !identifier.test(name));
  if (bad !== undefined)
    throw malformed(`${what}.keys.others`, 'lower-case identifiers', `"${bad.slice(0, 40)}"`);
  return {
    tlsSpkiSha256: lowerHex(keys.get('tls').onlyNames('spki_sha256').get('spki_sha256'), 32),
    hpkePublicKey: maybe(keys, 'hpke', (node) => lowerHex(node.onlyNames('x25519').get('x25519'), 32)),
    others: Object.fromEntries(names.map((name) => [name, otherKey(others!.get(name))])),
  };
}

function otherKey(node: JsonNode): string {
  const key = lowerHex(node);
  if (key.length < 2 || key.length > 4096) throw malformed(node.path, '1 to 2048 bytes', `${key.length / 2}`);
  return key;
}

/** Devices are under the hash; their endorsements, which are signed by themselves, stand beside it. */
function readDevices(
  bytes: Uint8Array,
  endorsements: JsonNode | undefined,
  nonce: Uint8Array,
): PresentedDevice[] {
  const where = `${what}.devices`;
  const items = parseJson(bytes, where, documentLimits)
    .onlyNames('devices')
    .get('devices')
    .items(maximumDevices);
  const devices = items.map((item) => readDevice(item, nonce));
  const ids = devices.map(({ id }) => id);
  requireUnique(ids, where);
  endorsements?.onlyNames(...ids);
  return devices.map((device) => ({
    ...device,
    ...(endorsements && maybe(endorsements, device.id, readDeviceEndorsements)),
  }));
}

function readDevice(device: JsonNode, nonce: Uint8Array): PresentedDevice {
  device.onlyNames('id', 'kind', 'report', 'chain');
  const chain = device.get('chain').string();
  if (chain.length === 0 || chain.length > limits.chainCharacters)
    throw malformed(device.path, `a chain of 1 to ${limits.chainCharacters} characters`, `${chain.length}`);
  return {
    id: matching(device.get('id'), identifier, 'a lower-case identifier'),
    kind: device.get('kind').word('gpu', 'switch'),
    report: someBase64(device.get('report'), limits.reportBytes),
    chain,
    nonce,
  };
}

function readDeviceEndorsements(node: JsonNode): Partial<PresentedDevice> {
  node.onlyNames('driver_rim', 'vbios_rim', 'ocsp');
  return {
    driverRim: maybe(node, 'driver_rim', (rim) => someBase64(rim, limits.rimBytes)),
    vbiosRim: maybe(node, 'vbios_rim', (rim) => someBase64(rim, limits.rimBytes)),
    ocspResponses: maybe(node, 'ocsp', (list) =>
      list.items(8).map((item) => someBase64(item, limits.ocspBytes)),
    ),
  };
}

async function readRelease(deployment: JsonNode | undefined): Promise<PresentedRelease> {
  if (!deployment) return { bundles: [], platformBundles: [] };
  deployment.onlyNames('repository', 'tag', 'file', 'bundles', 'platform_bundles');
  const file = maybe(deployment, 'file', (node) => someBase64(node, limits.deploymentBytes));
  const bundles = (name: string): readonly Uint8Array[] =>
    maybe(deployment, name, (node) =>
      node.items(limits.bundles).map((item) => someBase64(item, limits.bundleBytes)),
    ) ?? [];
  return {
    repository: maybe(deployment, 'repository', repositoryName),
    tag: maybe(deployment, 'tag', tagName),
    digest: file && toHex(await sha256(file)),
    deployment: file,
    bundles: bundles('bundles'),
    platformBundles: bundles('platform_bundles'),
  };
}

/** Printable ASCII, as in the deployment file. */
function readLaunch(launch: JsonNode): PresentedLaunch {
  launch.onlyNames('cmdline', 'vcpus');
  return {
    cmdline: maybe(launch, 'cmdline', (node) =>
      matching(node, /^[\x20-\x7e]{0,4096}$/, 'up to 4096 ASCII characters'),
    ),
    vcpus: maybe(launch, 'vcpus', (node) => node.integer(1, 4096)),
  };
}
