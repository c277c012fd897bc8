/** From an address to an attestation result and the proof of it. The network is an argument. */
import type { Anchors } from './anchors.ts';
import { builtService } from './builder-name.ts';
import type { Dialect } from './dialect.ts';
import { readEndpoint } from './dialects/endpoint.ts';
import { VerifierError } from './error.ts';
import { isFetchErrorCode } from './sources/fetcher.ts';
import type { VerificationPolicy } from './policy.ts';
import { formatPolicy, parsePolicy } from './policy-file/index.ts';
import type { Proof, ProofConnection, ReleaseMemory, RememberedRelease } from './proof.ts';
import type { AttestationResult, ResultGroup } from './result.ts';
import { RecordingSource, type Source } from './source.ts';
import { resultWithoutDocument, verify } from './verify.ts';

/** An open way to the endpoint: what it shows of itself, and where its documents come from. */
export interface EndpointConnection {
  /** null where the platform does not show certificates: a browser. */
  readonly seen: ProofConnection | null;
  /** For resources of kind `endpoint-document`: over this very connection. */
  readonly source: Source;
  close(): void;
}

/** Where accepted releases are remembered. */
export interface MemoryStore {
  read(service: string): Promise<ReleaseMemory>;
  remember(service: string, release: RememberedRelease): Promise<unknown>;
}

export type ProgressEvent =
  | { readonly kind: 'connecting'; readonly endpoint: string }
  | { readonly kind: 'connected'; readonly host: string | null }
  | { readonly kind: 'document'; readonly dialect: Dialect; readonly form: string }
  | { readonly kind: 'group'; readonly group: ResultGroup };

export interface VerifyOptions {
  readonly policy: VerificationPolicy;
  /** Exact bytes that the policy was parsed from: they go into the proof. Without them the policy is written out. */
  readonly policyBytes?: Uint8Array | undefined;
  readonly anchors: Anchors;
  readonly clock: () => Date;
  readonly random: (lengthBytes: number) => Uint8Array;
  /** Opens the way to the endpoint. @throws VerifierError with a FetchErrorCode, ARGUMENT_INVALID or ABORTED */
  readonly connect: (url: URL, signal: AbortSignal | undefined) => Promise<EndpointConnection>;
  /** Endorsements, releases, logs. */
  readonly endorsements: Source;
  /** Found out from the endpoint where it is left out. */
  readonly dialect?: Dialect | undefined;
  /** "owner/name", as the person who asks says it. */
  readonly repository?: string | undefined;
  readonly memory?: MemoryStore | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ProgressEvent) => void) | undefined;
}

export interface Verified {
  readonly result: AttestationResult;
  readonly proof: Proof;
}

const NONCE_BYTES = 32;

/**
 * What the network or the service does is in the result.
 * @throws VerifierError ARGUMENT_INVALID, STATE_UNUSABLE, POLICY_MALFORMED or ABORTED
 */
export async function verifyUrl(endpoint: string, options: VerifyOptions): Promise<Verified> {
  const url = parseEndpoint(endpoint);
  const policyBytes = options.policyBytes ?? new TextEncoder().encode(formatPolicy(options.policy));
  const policy = await parsePolicy(policyBytes);
  const now = options.clock();
  const nonce = options.random(NONCE_BYTES);
  const service = options.repository ?? builtService(policy.code.builders) ?? url.host;
  const memory = options.memory ? await options.memory.read(service) : null;
  const begun: Omit<Proof, 'dialect' | 'connection' | 'answers'> = {
    endpoint,
    gatheredAt: now,
    nonce,
    memory,
    policy: policyBytes,
    repository: options.repository ?? null,
    requestedDialect: options.dialect ?? null,
  };
  const way = await openWay(url, options);
  if (way instanceof VerifierError) {
    const answers: Proof['answers'] = [];
    const proof: Proof = { ...begun, dialect: null, connection: null, answers };
    return { result: resultWithoutDocument({ endpoint, policy, now }, way, 'not-checked'), proof };
  }
  try {
    options.onEvent?.({ kind: 'connected', host: way.seen?.host ?? null });
    const recording = new RecordingSource(splitSource(way.source, options.endorsements));
    const result = await appraiseEndpoint({
      endpoint,
      origin: url.origin,
      policy,
      anchors: options.anchors,
      source: recording,
      now,
      nonce,
      connection: way.seen,
      memory,
      repository: options.repository ?? null,
      dialect: options.dialect,
      onEvent: options.onEvent,
    });
    const proof: Proof = {
      ...begun,
      dialect: result.dialect,
      connection: way.seen,
      answers: await recording.recorded(),
    };
    if (result.verdict === 'verified') await remember(options.memory, service, result);
    return { result, proof };
  } finally {
    way.close();
  }
}

function parseEndpoint(endpoint: string): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`;
  if (!URL.canParse(text))
    throw new VerifierError(
      'ARGUMENT_INVALID',
      `Expected an address like https://inference.example.org, found "${endpoint.slice(0, 200)}".`,
    );
  const url = new URL(text);
  if (url.protocol !== 'https:')
    throw new VerifierError(
      'ARGUMENT_INVALID',
      `Expected an https address, found ${url.protocol}//: without TLS there is no key to attest.`,
    );
  if (url.username !== '' || url.password !== '')
    throw new VerifierError(
      'ARGUMENT_INVALID',
      'The address holds a name or a password: it would be stored in proofs.',
    );
  return url;
}

/** A way that does not open is part of the result; an abort, or a wrong argument, is not. */
async function openWay(url: URL, options: VerifyOptions): Promise<EndpointConnection | VerifierError> {
  options.onEvent?.({ kind: 'connecting', endpoint: url.origin });
  try {
    return await options.connect(url, options.signal);
  } catch (error) {
    if (error instanceof VerifierError && isFetchErrorCode(error.code)) return error;
    throw error;
  }
}

function splitSource(endpoint: Source, endorsements: Source): Source {
  return {
    get: (request) => (request.kind === 'endpoint-document' ? endpoint : endorsements).get(request),
  };
}

export interface AppraiseInputs {
  readonly endpoint: string;
  /** "https://host:port" */
  readonly origin: string;
  readonly policy: VerificationPolicy;
  readonly anchors: Anchors;
  readonly source: Source;
  readonly now: Date;
  readonly nonce: Uint8Array;
  readonly connection: ProofConnection | null;
  readonly memory: ReleaseMemory | null;
  readonly repository: string | null;
  readonly dialect: Dialect | undefined;
  readonly onEvent?: ((event: ProgressEvent) => void) | undefined;
}

/** The same for an endpoint and for its proof. */
export async function appraiseEndpoint(inputs: AppraiseInputs): Promise<AttestationResult> {
  const { origin, dialect, onEvent, ...rest } = inputs;
  let presented;
  try {
    ({ presented } = await readEndpoint(inputs.source, origin, { dialect, nonce: inputs.nonce }));
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    if (error.code === 'ABORTED' || error.code === 'ARGUMENT_INVALID') throw error;
    // A document that was there and is not good is a failure; one that could not be had was not checked.
    const outcome = error.code === 'DOCUMENT_MALFORMED' ? 'fail' : 'not-checked';
    return resultWithoutDocument(rest, error, outcome);
  }
  onEvent?.({ kind: 'document', dialect: presented.dialect, form: presented.form });
  return verify({
    ...rest,
    presented,
    onGroup: (group) => onEvent?.({ kind: 'group', group }),
  });
}

async function remember(
  memory: MemoryStore | undefined,
  service: string,
  { release }: AttestationResult,
): Promise<void> {
  if (!memory || !release?.digest) return;
  const loggedAt = release.signers[0]?.loggedAt;
  await memory.remember(service, {
    tag: release.tag,
    digest: release.digest,
    loggedAtUnix: loggedAt ? Math.floor(Date.parse(loggedAt) / 1000) : null,
  });
}
