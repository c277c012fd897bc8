/** Tinfoil's documents of version 2 and the bundle around one. */
import { concatBytes, toBase64, toHex } from '@vitrine/bytes';
import { type Attest, type DocumentDefects, type ServiceKeys, finish, parsed } from './evidence.ts';

export interface TinfoilV2Request {
  readonly attest: Attest;
  readonly keys: ServiceKeys;
  readonly defects?: TinfoilV2Defects;
}

export interface TinfoilV2Defects extends DocumentDefects {
  /** Compressed and sent instead of the evidence. */
  readonly evidence?: Uint8Array;
  /** Sent as the body, compressed or not. */
  readonly body?: Uint8Array;
}

export interface TinfoilBundleRequest {
  /** A v2 document's bytes. */
  readonly document: Uint8Array;
  readonly domain: string;
  /** SHA-256 of the deployment file, 32 bytes. */
  readonly digest: Uint8Array;
  /** JSON. */
  readonly sigstoreBundle: Uint8Array;
  /** DER; TDX has none. */
  readonly vcek?: Uint8Array;
  readonly certificatePem: string;
  readonly defects?: DocumentDefects;
}

const PREDICATE = 'https://tinfoil.sh/predicate/';

/** The document's bytes. REPORTDATA = SHA-256(TLS key) ‖ HPKE key, the latter zeros where there is none. */
export async function writeTinfoilV2({ attest, keys, defects = {} }: TinfoilV2Request): Promise<Uint8Array> {
  const honest = concatBytes(keys.tlsSpkiSha256, keys.hpkePublicKey ?? new Uint8Array(32));
  const cpu = await attest(defects.reportData ?? honest);
  const evidence = defects.evidence ?? (cpu.platform === 'sev-snp' ? cpu.report : cpu.quote);
  const document = {
    format: `${PREDICATE}${cpu.platform === 'sev-snp' ? 'sev-snp-guest' : 'tdx-guest'}/v2`,
    body: toBase64(defects.body ?? (await gzip(evidence))),
  };
  return finish(document, defects);
}

/** The bundle's bytes. */
export function writeTinfoilBundle(request: TinfoilBundleRequest): Uint8Array {
  const { document, domain, digest, sigstoreBundle, vcek, certificatePem, defects = {} } = request;
  const bundle = {
    domain,
    enclaveAttestationReport: parsed(document),
    digest: toHex(digest),
    sigstoreBundle: parsed(sigstoreBundle),
    vcek: vcek && toBase64(vcek),
    enclaveCert: certificatePem,
  };
  return finish(bundle, defects);
}

/** RFC 1952. */
export async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
