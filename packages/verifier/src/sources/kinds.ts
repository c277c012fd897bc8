/** What each kind of resource may be: how large, of which media types, from where, how long it may take and be kept. */
import type { ResourceKind } from '../source.ts';

export interface ResourceRules {
  /** In words, for messages: "AMD's revocation list". */
  readonly name: string;
  /** Of the body, as it comes over the wire and decompressed. */
  readonly maximumBytes: number;
  /** Without parameters. A response without a type counts as application/octet-stream (RFC 9110 section 8.3). */
  readonly mediaTypes: readonly string[];
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** Response headers that carry content. */
  readonly contentHeaders: readonly string[];
  /** Hosts besides the request's own origin that it may be redirected to, by https. */
  readonly redirectHosts: readonly string[];
  /** It is signed, and its service is known under http. */
  readonly allowsHttp: boolean;
  readonly timeouts: Timeouts;
  /** How long a cache may keep it, its own end aside; null: not at all. */
  readonly cacheSeconds: number | null;
}

/** Milliseconds. */
export interface Timeouts {
  /** From the request to the response's headers, the connection included. */
  readonly headersMs: number;
  /** Between two pieces of the body. */
  readonly chunkMs: number;
  /** For everything: retries, pauses, redirects, the body. */
  readonly totalMs: number;
}

/** Redirects in a row. */
export const maximumRedirects = 3;

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR = 3600;
const DAY = 24 * HOUR;

const binary = ['application/octet-stream', 'binary/octet-stream'];
/** Services and mirrors name certificates and lists by whichever of these; none of them is a page for people. */
const x509 = [
  ...binary,
  'application/pkix-cert',
  'application/pkix-crl',
  'application/pkcs-crl',
  'application/pkcs7-mime',
  'application/x-pkcs7-crl',
  'application/x-x509-ca-cert',
  'application/x-x509-user-cert',
  'application/x-x509-crl',
  'application/pem-certificate-chain',
  'application/x-pem-file',
  'text/plain',
];
const json = [...binary, 'application/json', 'text/plain', 'text/json'];

const endorsement = {
  maximumBytes: MIB,
  mediaTypes: binary,
  requestHeaders: { accept: '*/*' },
  contentHeaders: [],
  redirectHosts: [],
  allowsHttp: false,
  timeouts: { headersMs: 10_000, chunkMs: 10_000, totalMs: 30_000 },
  cacheSeconds: DAY,
} satisfies Omit<ResourceRules, 'name'>;

const acceptJson = { accept: 'application/json' };

export const resourceRules: Readonly<Record<ResourceKind, ResourceRules>> = {
  'endpoint-document': {
    ...endorsement,
    name: "the service's document",
    maximumBytes: 16 * MIB,
    mediaTypes: [...json, 'application/x-pem-file', 'application/pem-certificate-chain'],
    requestHeaders: acceptJson,
    allowsHttp: true,
    // Eight devices are asked for their reports one after the other.
    timeouts: { headersMs: 45_000, chunkMs: 15_000, totalMs: 60_000 },
    cacheSeconds: null,
  },
  'amd-vcek': {
    ...endorsement,
    name: "AMD's certificate of the processor",
    maximumBytes: 64 * KIB,
    mediaTypes: x509,
    cacheSeconds: 30 * DAY,
  },
  'amd-cert-chain': {
    ...endorsement,
    name: "AMD's certificate chain",
    maximumBytes: 64 * KIB,
    mediaTypes: x509,
    cacheSeconds: 30 * DAY,
  },
  'amd-crl': {
    ...endorsement,
    name: "AMD's revocation list",
    mediaTypes: x509,
  },
  'intel-tcb-info': {
    ...endorsement,
    name: "Intel's TCB info",
    mediaTypes: json,
    requestHeaders: acceptJson,
    contentHeaders: ['tcb-info-issuer-chain'],
  },
  'intel-qe-identity': {
    ...endorsement,
    name: "Intel's identity of the quoting enclave",
    maximumBytes: 256 * KIB,
    mediaTypes: json,
    requestHeaders: acceptJson,
    contentHeaders: ['sgx-enclave-identity-issuer-chain'],
  },
  'intel-pck-crl': {
    ...endorsement,
    name: "Intel's revocation list of PCK certificates",
    maximumBytes: 4 * MIB,
    mediaTypes: x509,
    contentHeaders: ['sgx-pck-crl-issuer-chain'],
  },
  'intel-root-crl': {
    ...endorsement,
    name: "the revocation list of Intel's root",
    mediaTypes: x509,
  },
  'nvidia-rim': {
    ...endorsement,
    name: "NVIDIA's reference measurements",
    maximumBytes: 4 * MIB,
    mediaTypes: json,
    requestHeaders: acceptJson,
    cacheSeconds: 30 * DAY,
  },
  'nvidia-ocsp': {
    ...endorsement,
    name: "NVIDIA's answer on revocation",
    maximumBytes: 64 * KIB,
    mediaTypes: [...binary, 'application/ocsp-response'],
    requestHeaders: { accept: 'application/ocsp-response', 'content-type': 'application/ocsp-request' },
    allowsHttp: true,
  },
  'sigstore-bundle': {
    ...endorsement,
    name: 'the signatures of the release',
    maximumBytes: 16 * MIB,
    mediaTypes: [
      ...json,
      'application/vnd.github+json',
      'application/vnd.dev.sigstore.bundle+json',
      'application/vnd.dev.sigstore.bundle.v0.3+json',
    ],
    // The version of the API that has the bundles themselves in the list.
    requestHeaders: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
    redirectHosts: ['api.github.com'],
    cacheSeconds: 365 * DAY,
  },
  'sigstore-tuf': {
    ...endorsement,
    name: "Sigstore's repository of keys",
    maximumBytes: 4 * MIB,
    mediaTypes: json,
    requestHeaders: acceptJson,
  },
  'release-asset': {
    ...endorsement,
    name: 'a file of the release',
    maximumBytes: 4 * MIB,
    mediaTypes: [...json, 'application/yaml', 'application/x-yaml'],
    // Where GitHub keeps what it publishes.
    redirectHosts: [
      'github.com',
      'objects.githubusercontent.com',
      'release-assets.githubusercontent.com',
      'github-releases.githubusercontent.com',
    ],
  },
  'ct-log-list': {
    ...endorsement,
    name: 'the list of transparency logs',
    maximumBytes: 8 * MIB,
    mediaTypes: json,
    requestHeaders: acceptJson,
  },
  'ct-log-entry': {
    ...endorsement,
    name: 'a proof of a transparency log',
    mediaTypes: json,
    cacheSeconds: null,
  },
  'boot-part': {
    ...endorsement,
    name: 'a part of the boot chain',
    maximumBytes: 512 * MIB,
    cacheSeconds: 365 * DAY,
  },
};
