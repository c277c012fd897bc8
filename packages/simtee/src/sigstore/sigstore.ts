/** A Sigstore of one's own: certificates, logs, timestamps and bundles under a trusted root that nobody else trusts. */
import { sha256, toBase64, utf8 } from '@vitrine/bytes';
import { preAuthEncoding } from '@vitrine/provenance/sigstore';
import type { Certificate } from '@vitrine/x509';
import { type SigningKey, generateKey } from '../authority.ts';
import type { SigstoreDefect } from './defect.ts';
import { type Logged, entryOf } from './entry.ts';
import { type Fulcio, createFulcio } from './fulcio.ts';
import type { SigningIdentity } from './identity.ts';
import { type Rekor, createRekor } from './rekor.ts';
import { type TimestampAuthority, createTimestampAuthority } from './timestamp-authority.ts';

export interface SigstoreOptions {
  /** Everything is trusted since then; default 2025-01-01. */
  readonly from?: Date;
  /** Version 1 promises inclusion and gives the time; version 2 leaves the time to the timestamp authority. Default 1. */
  readonly rekor?: 1 | 2;
}

export interface SigningRequest {
  readonly identity: SigningIdentity;
  /** When the certificate is issued; signature, timestamp and log entry follow within seconds. */
  readonly at: Date;
  /** Default "0.3". */
  readonly bundleVersion?: '0.1' | '0.2' | '0.3';
  /** Whether a timestamp of the authority goes in; default where the log gives no time, and for defects of it. */
  readonly withTimestamp?: boolean;
  /** Whether the authority's certificate goes along with it; default false: the trusted root has it. */
  readonly timestampBringsCertificate?: boolean;
  /** Whether it is logged; default true. */
  readonly isLogged?: boolean;
  /** How many entries the log is given for it; default 1. */
  readonly logCount?: number;
  /** Signs with a bare key instead of a certificate. */
  readonly key?: SigningKey;
  readonly defect?: SigstoreDefect;
}

export interface DsseRequest extends SigningRequest {
  readonly payload: Uint8Array | string;
  /** Default "application/vnd.in-toto+json". */
  readonly payloadType?: string;
  /** Default "dsse". */
  readonly entryKind?: 'dsse' | 'intoto';
}

export interface MessageRequest extends SigningRequest {
  readonly artifact: Uint8Array;
}

export interface SimulatedSigstore {
  readonly fulcio: Fulcio;
  readonly rekor: Rekor;
  readonly timestampAuthority: TimestampAuthority;
  /** `trusted_root.json`. */
  readonly trustedRootJson: string;
  /** @returns a bundle, JSON */
  signDsse(request: DsseRequest): Promise<string>;
  /** @returns a bundle over the artifact itself, JSON */
  signMessage(request: MessageRequest): Promise<string>;
}

const mediaTypes = {
  '0.1': 'application/vnd.dev.sigstore.bundle+json;version=0.1',
  '0.2': 'application/vnd.dev.sigstore.bundle+json;version=0.2',
  '0.3': 'application/vnd.dev.sigstore.bundle.v0.3+json',
} as const;

export async function createSigstore(options: SigstoreOptions = {}): Promise<SimulatedSigstore> {
  const { from = new Date('2025-01-01T00:00:00Z'), rekor: version = 1 } = options;
  const [fulcio, rekor, timestampAuthority] = await Promise.all([
    createFulcio(from),
    createRekor(version, from),
    createTimestampAuthority(from),
  ]);
  const services = { fulcio, rekor, timestampAuthority };
  return {
    ...services,
    trustedRootJson: JSON.stringify(
      {
        mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
        tlogs: [rekor.log],
        certificateAuthorities: [fulcio.authority],
        ctlogs: [fulcio.certificateLog],
        timestampAuthorities: [timestampAuthority.authority],
      },
      null,
      2,
    ),
    signDsse: (request) => signDsse(services, request),
    signMessage: (request) => signMessage(services, request),
  };
}

type Services = Pick<SimulatedSigstore, 'fulcio' | 'rekor' | 'timestampAuthority'>;

async function signDsse(services: Services, request: DsseRequest): Promise<string> {
  const { payloadType = 'application/vnd.in-toto+json', entryKind = 'dsse', defect } = request;
  const payload = typeof request.payload === 'string' ? utf8(request.payload) : request.payload;
  const signer = await createSigner(services, request);
  const signature = await signer.sign(preAuthEncoding(payloadType, payload));
  const logged = { kind: entryKind, data: payload, payloadType, signature, verifier: signer.verifier };
  const shown = defect === 'payload-swapped' ? utf8('{"_type":"another"}') : payload;
  const shownType = defect === 'payload-type-swapped' ? 'text/plain' : payloadType;
  return bundle(services, request, signer, logged, {
    dsseEnvelope: {
      payload: toBase64(shown),
      payloadType: shownType,
      signatures: [{ sig: toBase64(signature), keyid: '' }],
    },
  });
}

async function signMessage(services: Services, request: MessageRequest): Promise<string> {
  const { artifact } = request;
  const signer = await createSigner(services, request);
  const signature = await signer.sign(artifact);
  const { verifier } = signer;
  const logged = { kind: 'hashedrekord' as const, data: artifact, payloadType: '', signature, verifier };
  return bundle(services, request, signer, logged, {
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: toBase64(await sha256(artifact)) },
      signature: toBase64(signature),
    },
  });
}

interface Signer {
  readonly verifier: Logged['verifier'];
  readonly certificate: Certificate | undefined;
  sign(data: Uint8Array): Promise<Uint8Array>;
}

async function createSigner({ fulcio }: Services, request: SigningRequest): Promise<Signer> {
  const { identity, at, defect } = request;
  const key = request.key ?? (await generateKey('P-256'));
  const used = defect === 'foreign-signature' ? await generateKey('P-256') : key;
  const sign = (data: Uint8Array) => used.sign(data);
  const { subjectPublicKeyInfo } = key;
  if (request.key)
    return { verifier: { kind: 'key', der: subjectPublicKeyInfo }, certificate: undefined, sign };
  const certificate = await fulcio.issue({ subjectPublicKeyInfo, identity, at, defect });
  return { verifier: { kind: 'certificate', der: certificate.der }, certificate, sign };
}

async function bundle(
  services: Services,
  request: SigningRequest,
  { certificate }: Signer,
  logged: Logged,
  content: object,
): Promise<string> {
  const { bundleVersion = '0.3' } = request;
  const timestamps = await timestampsOf(services, request, logged.signature);
  return JSON.stringify({
    mediaType: mediaTypes[bundleVersion],
    verificationMaterial: {
      ...signerMaterial(services, request, certificate),
      tlogEntries: await logEntriesOf(services, request, logged),
      ...(timestamps.length > 0 ? { timestampVerificationData: { rfc3161Timestamps: timestamps } } : {}),
    },
    ...content,
  });
}

function signerMaterial(
  { fulcio }: Services,
  { bundleVersion = '0.3', defect }: SigningRequest,
  certificate: Certificate | undefined,
): object {
  if (!certificate) return { publicKey: { hint: 'a key' } };
  const raw = ({ der }: Certificate) => ({ rawBytes: toBase64(der) });
  if (bundleVersion === '0.3') return { certificate: raw(certificate) };
  const { intermediate, root } = fulcio;
  const above = defect === 'root-in-chain' ? [intermediate, root] : [intermediate];
  return { x509CertificateChain: { certificates: [certificate, ...above].map(raw) } };
}

async function logEntriesOf(
  { rekor, fulcio }: Services,
  { at, defect, isLogged = true, logCount = 1 }: SigningRequest,
  logged: Logged,
): Promise<object[]> {
  if (!isLogged || defect === 'no-log-entry') return [];
  const entry = await entryOf(logged, rekor.version, defect, fulcio.intermediate.der);
  const entries: object[] = [];
  while (entries.length < logCount) entries.push(await rekor.add(entry, secondsAfter(at, 2), defect));
  return defect === 'entry-twice' ? [...entries, ...entries] : entries;
}

async function timestampsOf(
  { rekor, timestampAuthority }: Services,
  { at, defect, withTimestamp, timestampBringsCertificate, isLogged = true }: SigningRequest,
  signature: Uint8Array,
): Promise<object[]> {
  const isNeeded = rekor.version === 2 || !isLogged || (defect?.includes('timestamp') ?? false);
  if (!(withTimestamp ?? isNeeded)) return [];
  const response = await timestampAuthority.timestamp({
    signature,
    at: secondsAfter(at, 1),
    bringsCertificate: timestampBringsCertificate,
    defect,
  });
  return [{ signedTimestamp: toBase64(response) }];
}

function secondsAfter(at: Date, seconds: number): Date {
  return new Date(at.getTime() + seconds * 1000);
}
