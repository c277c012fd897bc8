/** What a service shows of itself, whatever its dialect: parsed, nothing of it believed yet. */
import type { Dialect } from './dialect.ts';

/** Every dialect's document becomes this. */
export interface Presented {
  readonly dialect: Dialect;
  /** "v2", "v3", "bundle", "v1": which form of the dialect. */
  readonly form: string;
  readonly cpu: PresentedCpu;
  readonly binding: PresentedBinding;
  readonly devices: PresentedDevices;
  readonly keys: PresentedKeys;
  readonly release: PresentedRelease;
  readonly launch: PresentedLaunch;
  /** A certificate that travels in the document (PEM or DER), where the connection's own cannot be seen. */
  readonly certificate?: Uint8Array | undefined;
  /** The host that the document says it speaks for (Tinfoil's bundle): the certificate must name it. */
  readonly domain?: string | undefined;
  /** SHA-256, hexadecimal, that `.hatt.` names of a certificate commit to: of format ‖ body (Tinfoil v2). */
  readonly documentSha256?: string | undefined;
}

export type PresentedCpu =
  | {
      readonly platform: 'sev-snp';
      /** 1184 bytes. */
      readonly report: Uint8Array;
      /** DER; fetched where it is left out. */
      readonly vcek?: Uint8Array | undefined;
      /** DERs of ASK or ASVK, and ARK. */
      readonly intermediates?: readonly Uint8Array[] | undefined;
      /** DER. */
      readonly crl?: Uint8Array | undefined;
    }
  | {
      readonly platform: 'tdx';
      readonly quote: Uint8Array;
      /** As far as the document carries it. */
      readonly collateral?: PresentedCollateral | undefined;
      /** CCEL or dstack log. */
      readonly eventLog?: Uint8Array | undefined;
    };

/** Exact bytes as Intel's service sent them. */
export interface PresentedCollateral {
  readonly tcbInfo?: Uint8Array | undefined;
  readonly tcbInfoIssuerChain?: string | undefined;
  readonly qeIdentity?: Uint8Array | undefined;
  readonly qeIdentityIssuerChain?: string | undefined;
  readonly pckCrl?: Uint8Array | undefined;
  readonly pckCrlIssuerChain?: string | undefined;
  readonly rootCrl?: Uint8Array | undefined;
}

/** What REPORTDATA must be, computed by the dialect's rule from the document's other parts. */
export interface PresentedBinding {
  /** 64 bytes. */
  readonly expectedReportData: Uint8Array;
  /** In words, for a check's `expected`: "SHA-256(TLS key) ‖ HPKE key". */
  readonly rule: string;
  /** Document and section. */
  readonly source: string;
  /** 32 bytes that the document says are the client's; left out where the dialect has none. */
  readonly nonce?: Uint8Array | undefined;
  /** Devices are under the same hash as the keys. */
  readonly coversDevices: boolean;
}

export interface PresentedDevices {
  readonly devices: readonly PresentedDevice[];
  /** How many the document's own measured configuration declares, where it says so. */
  readonly declaredCount?: number | undefined;
}

export interface PresentedDevice {
  readonly id: string;
  readonly kind: 'gpu' | 'switch';
  /** SPDM request ‖ response. */
  readonly report: Uint8Array;
  /** PEM, the leaf first. */
  readonly chain: string;
  readonly driverRim?: Uint8Array | undefined;
  readonly vbiosRim?: Uint8Array | undefined;
  readonly ocspResponses?: readonly Uint8Array[] | undefined;
  /** 32 bytes: the nonce that the report must carry by the document's rule. */
  readonly nonce?: Uint8Array | undefined;
}

export interface PresentedKeys {
  /** SHA-256 of the DER SubjectPublicKeyInfo of the TLS key, hexadecimal. */
  readonly tlsSpkiSha256?: string | undefined;
  /** SHA-256 of the DER of the TLS certificate, hexadecimal (Blyss). */
  readonly tlsCertificateSha256?: string | undefined;
  /** X25519, 32 bytes in hexadecimal. */
  readonly hpkePublicKey?: string | undefined;
  /** Other attested keys, by their identifiers: hexadecimal. */
  readonly others: Readonly<Record<string, string>>;
}

export interface PresentedRelease {
  /** "owner/name" */
  readonly repository?: string | undefined;
  readonly tag?: string | undefined;
  /** SHA-256 that the statement's subject must have, hexadecimal: of the deployment file. */
  readonly digest?: string | undefined;
  /** Exact bytes of the deployment file (`tinfoil-deployment.json`). */
  readonly deployment?: Uint8Array | undefined;
  /** Sigstore bundles, JSON bytes. */
  readonly bundles: readonly Uint8Array[];
  /** Bundles over the reference values of the hardware (TDX MRTD, RTMR0). */
  readonly platformBundles: readonly Uint8Array[];
  /** What the platform's bundle says it is of, where the document says so. */
  readonly platform?:
    { readonly repository: string; readonly tag?: string | undefined; readonly digest: string } | undefined;
  /** Bundles of witnesses that a release is still current (Tinfoil v3). */
  readonly freshnessBundles?: readonly Uint8Array[] | undefined;
}

/** What the service says it was launched with: a hypothesis that the measurement proves or refutes. */
export interface PresentedLaunch {
  readonly cmdline?: string | undefined;
  readonly vcpus?: number | undefined;
}
