/** What a simulated service has to show: evidence, devices, keys, release, in no dialect yet. */
import { decodeUtf8, formatPem, utf8 } from '@vitrine/bytes';
import type { TdxCollateral } from '@vitrine/evidence/tdx';

export type ServiceCpu = ServiceSnp | ServiceTdx;

export interface ServiceSnp {
  readonly platform: 'sev-snp';
  /** 1184 bytes, unless the service is broken. */
  readonly report: Uint8Array;
  /** DER. */
  readonly vcek?: Uint8Array | undefined;
  /** DERs of ASK and ARK. */
  readonly chain?: readonly Uint8Array[] | undefined;
  /** DER. */
  readonly crl?: Uint8Array | undefined;
}

export interface ServiceTdx {
  readonly platform: 'tdx';
  readonly quote: Uint8Array;
  readonly collateral?: TdxCollateral | undefined;
  readonly eventLog?: Uint8Array | undefined;
}

/** Evidence over 64 bytes of report data: what `issueReport` and `issueTdxQuote` give. */
export type Attest = (reportData: Uint8Array) => ServiceCpu | Promise<ServiceCpu>;

export interface ServiceDevice {
  readonly id: string;
  readonly kind: 'gpu' | 'switch';
  /** SPDM request ‖ response. */
  readonly report: Uint8Array;
  /** DERs, the leaf first. */
  readonly chain: readonly Uint8Array[];
  /** Default "HOPPER", a switch's "LS10". */
  readonly arch?: string | undefined;
  readonly driverRim?: Uint8Array | undefined;
  readonly vbiosRim?: Uint8Array | undefined;
  readonly ocspResponses?: readonly Uint8Array[] | undefined;
}

export interface ServiceKeys {
  /** SHA-256 of the TLS key's SubjectPublicKeyInfo, 32 bytes. */
  readonly tlsSpkiSha256: Uint8Array;
  /** X25519, 32 bytes. */
  readonly hpkePublicKey?: Uint8Array | undefined;
  /** SubjectPublicKeyInfos by their ids. */
  readonly others?: Readonly<Record<string, Uint8Array>> | undefined;
}

export interface ServiceRelease {
  /** "owner/name" */
  readonly repository: string;
  readonly tag?: string | undefined;
  /** Exact bytes of tinfoil-deployment.json. */
  readonly deployment?: Uint8Array | undefined;
  /** JSON. */
  readonly bundles?: readonly Uint8Array[] | undefined;
  readonly platformBundles?: readonly Uint8Array[] | undefined;
}

export type JsonObject = Record<string, unknown>;

/** Defects that a document of any dialect can have. */
export interface DocumentDefects {
  /** Report data to attest instead of those that the dialect demands. */
  readonly reportData?: Uint8Array | undefined;
  /** The finished document, to be changed in place, or another to be sent instead. */
  readonly alter?: ((document: JsonObject) => unknown) | undefined;
}

/** The document's bytes: compact JSON, after the defects. */
export function finish(document: JsonObject, { alter }: DocumentDefects): Uint8Array {
  const other = alter?.(document);
  if (other instanceof Uint8Array) return other;
  return json(typeof other === 'object' && other !== null ? other : document);
}

export function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}

/** Members that are undefined are left out by JSON; a list or map without members is left out here. */
export function unlessEmpty<T extends object>(value: T): T | undefined {
  return Object.values(value).every((member) => member === undefined) ? undefined : value;
}

/** Whatever the bytes are. */
export function pemOf(chain: readonly Uint8Array[]): string {
  return chain.map((der) => formatPem('CERTIFICATE', der)).join('');
}

export function parsed(bundle: Uint8Array): unknown {
  return JSON.parse(decodeUtf8(bundle));
}
