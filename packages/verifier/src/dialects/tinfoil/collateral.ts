/** The collateral of a v3 document: endorsements and reference values, each signed by somebody else. */
import { type JsonNode, parsePemBlocks } from '@vitrine/bytes';
import type { PresentedCollateral, PresentedDevice, PresentedRelease } from '../../presented.ts';
import {
  lowerHex,
  malformed,
  maybe,
  quoted,
  repositoryName,
  requireUnique,
  someBase64,
  tagName,
} from '../reading.ts';
import { readSigstoreBundle } from './bundle.ts';

export interface Collateral {
  readonly snp: {
    readonly vcek?: Uint8Array | undefined;
    readonly intermediates?: readonly Uint8Array[] | undefined;
    readonly crl?: Uint8Array | undefined;
  };
  readonly tdx: PresentedCollateral | undefined;
  /** By the device's id. */
  readonly devices: ReadonlyMap<string, Partial<PresentedDevice>>;
  readonly release: PresentedRelease;
}

const FORMAT = 'https://tinfoil.sh/collateral/';
const MAX_ENTRIES = 256;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_RESPONSES = 16;

interface Entry {
  readonly id: string;
  readonly format: string;
  readonly subjects: readonly string[];
  readonly data: JsonNode;
}

/** Formats that are not known are passed over: what they hold is missed by the checks that need it, and said there. */
export function readCollateral(list: JsonNode): Collateral {
  const entries = list.items(MAX_ENTRIES).map(readEntry);
  requireUnique(
    entries.map(({ id }) => id),
    list.path,
  );
  const only = (name: string): JsonNode | undefined => {
    const found = entries.filter(({ format }) => format === FORMAT + name);
    if (found.length > 1) throw malformed(list.path, `one entry of format ${name}`, `${found.length}`);
    return found[0]?.data;
  };
  const all = (name: string): Entry[] => entries.filter(({ format }) => format === FORMAT + name);
  const [code, platform, pcs] = [
    only('sigstore-code/v1'),
    only('sigstore-platform/v1'),
    only('intel-pcs/v1'),
  ];
  return {
    snp: { ...readVcek(only('amd-vcek/v1')), ...readCrl(only('amd-crl/v1')) },
    tdx: pcs && readIntelResponses(pcs),
    devices: readDevices(all('nvidia-gpu/v1')),
    release: {
      ...(code && readRelease(code)),
      bundles: code ? [readSigstoreBundle(code.get('sigstore_bundle'))] : [],
      platformBundles: platform ? [readSigstoreBundle(platform.get('sigstore_bundle'))] : [],
      ...(platform && { platform: readRelease(platform) }),
      freshnessBundles: all('sigstore-freshness/v1').map(({ data }) =>
        readSigstoreBundle(data.get('sigstore_bundle')),
      ),
    },
  };
}

function readEntry(entry: JsonNode): Entry {
  entry.onlyNames('id', 'role', 'format', 'subjects', 'data');
  entry.get('role').word('endorsement', 'reference-values');
  const id = entry.get('id').string();
  if (id === '' || id.length > 128) throw malformed(`${entry.path}.id`, 'an id', quoted(id));
  const data = entry.get('data');
  if (data.kind !== 'object') throw malformed(data.path, 'an object', `a value of kind ${data.kind}`);
  return {
    id,
    format: entry.get('format').string(),
    subjects: maybe(entry, 'subjects', (node) => node.items(MAX_ENTRIES).map((item) => item.string())) ?? [],
    data,
  };
}

function readVcek(data: JsonNode | undefined): Collateral['snp'] {
  if (!data) return {};
  data.onlyNames('vcek_der_base64', 'cert_chain_pem');
  return {
    vcek: someBase64(data.get('vcek_der_base64'), MAX_BYTES),
    intermediates: maybe(data, 'cert_chain_pem', (node) => {
      const chain = parsePemBlocks(node.string(), 'CERTIFICATE', node.path);
      if (chain.length > 4) throw malformed(node.path, 'at most 4 certificates', `${chain.length}`);
      return chain;
    }),
  };
}

function readCrl(data: JsonNode | undefined): Collateral['snp'] {
  if (!data) return {};
  return { crl: someBase64(data.onlyNames('crl_der_base64').get('crl_der_base64'), MAX_BYTES) };
}

function readRelease(data: JsonNode): { repository: string; tag: string | undefined; digest: string } {
  data.onlyNames('repo', 'tag', 'digest', 'sigstore_bundle');
  return {
    repository: repositoryName(data.get('repo')),
    tag: maybe(data, 'tag', tagName),
    digest: lowerHex(data.get('digest'), 32),
  };
}

/** Paths of Intel's service (PCS API v4), and the header that has the issuers of what it answers. */
const intelParts = [
  { path: /\/tdx\/certification\/v4\/tcb$/, part: 'tcbInfo', header: 'tcb-info-issuer-chain' },
  {
    path: /\/tdx\/certification\/v4\/qe\/identity$/,
    part: 'qeIdentity',
    header: 'sgx-enclave-identity-issuer-chain',
  },
  { path: /\/certification\/v4\/pckcrl$/, part: 'pckCrl', header: 'sgx-pck-crl-issuer-chain' },
  { path: /\/(IntelSGXRootCA\.(der|crl)|rootcacrl)$/i, part: 'rootCrl', header: undefined },
] as const;

function readIntelResponses(data: JsonNode): PresentedCollateral {
  const collateral: Record<string, Uint8Array | string> = {};
  for (const response of data.onlyNames('responses').get('responses').items(MAX_RESPONSES)) {
    response.onlyNames('url', 'headers', 'body_base64');
    const url = response.get('url');
    const body = someBase64(response.get('body_base64'), MAX_BYTES);
    const known = intelParts.find(({ path }) => path.test(pathOf(url)));
    if (!known) continue;
    const { part, header } = known;
    if (collateral[part]) throw malformed(url.path, `one response for ${part}`, 'two');
    collateral[part] = body;
    const chain = header && readHeader(response.optional('headers'), header);
    if (chain !== undefined) collateral[`${part}IssuerChain`] = chain;
  }
  return collateral;
}

function pathOf(url: JsonNode): string {
  try {
    return new URL(url.string()).pathname;
  } catch (cause) {
    if (cause instanceof TypeError) throw malformed(url.path, 'an absolute URL', quoted(url.string()));
    throw cause;
  }
}

/** Percent-encoded PEM; a list of values, as a header may come several times, or one. */
function readHeader(headers: JsonNode | undefined, name: string): string | undefined {
  const key = headers?.names().find((one) => one.toLowerCase() === name);
  if (!headers || key === undefined) return undefined;
  const node = headers.get(key);
  const values = node.kind === 'array' ? node.items(1) : [node];
  const text = values[0]?.string();
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    if (cause instanceof URIError) throw malformed(node.path, 'percent-encoded PEM', quoted(text));
    throw cause;
  }
}

/** Tinfoil publishes no such entry so far; the members are those that our own services write. */
function readDevices(entries: readonly Entry[]): ReadonlyMap<string, Partial<PresentedDevice>> {
  const devices = new Map<string, Partial<PresentedDevice>>();
  for (const { data, subjects } of entries) {
    const endorsement: Partial<PresentedDevice> = {
      driverRim: maybe(data, 'driver_rim_base64', (node) => someBase64(node, MAX_BYTES)),
      vbiosRim: maybe(data, 'vbios_rim_base64', (node) => someBase64(node, MAX_BYTES)),
      ocspResponses: maybe(data, 'ocsp_responses_base64', (node) =>
        node.items(8).map((item) => someBase64(item, MAX_BYTES)),
      ),
    };
    for (const subject of subjects) {
      if (devices.has(subject)) throw malformed(data.path, `one entry for ${quoted(subject)}`, 'two');
      devices.set(subject, endorsement);
    }
  }
  return devices;
}
