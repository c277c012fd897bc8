/**
 * Where verification gets what the document does not carry. One interface for the network, for a cache and for a saved
 * proof: the checks ask it and never know which it is, so that a replay runs the very same code.
 */
import type { FetchErrorCode } from './error.ts';

/** What it is decides its limits, its media types and how long it may be cached. */
export type ResourceKind =
  /** A document that the endpoint itself answers with; never cached. */
  | 'endpoint-document'
  | 'amd-vcek'
  | 'amd-cert-chain'
  | 'amd-crl'
  | 'intel-tcb-info'
  | 'intel-qe-identity'
  | 'intel-pck-crl'
  | 'intel-root-crl'
  | 'nvidia-rim'
  | 'nvidia-ocsp'
  | 'sigstore-bundle'
  | 'sigstore-tuf'
  | 'release-asset'
  | 'ct-log-list'
  | 'ct-log-entry'
  /** Firmware, kernel or initrd, to recompute a measurement; named by its SHA-256. */
  | 'boot-part';

export interface ResourceRequest {
  readonly kind: ResourceKind;
  /** Absolute. `sha256:<hex>` for a boot part, which only a folder or the cache can have. */
  readonly url: string;
  /** POST where given (OCSP), GET without. */
  readonly body?: Uint8Array | undefined;
}

export type Answer =
  | {
      readonly ok: true;
      readonly bytes: Uint8Array;
      /** Response headers that carry content, lower case: Intel sends issuer chains in them. */
      readonly headers?: Readonly<Record<string, string>> | undefined;
    }
  | {
      readonly ok: false;
      readonly code: FetchErrorCode;
      readonly message: string;
      readonly status?: number | undefined;
    };

export interface Source {
  /** Never throws for what the network does: that is an answer. @throws VerifierError ABORTED */
  get(request: ResourceRequest): Promise<Answer>;
}

/** One resource of a proof: what was asked, and what came back. */
export interface RecordedAnswer {
  readonly request: ResourceRequest;
  readonly answer: Answer;
}

/** Asks the source once for each resource, and remembers every answer in the order of the questions. */
export class RecordingSource implements Source {
  readonly #source: Source;
  readonly #answers = new Map<
    string,
    { readonly request: ResourceRequest; readonly answer: Promise<Answer> }
  >();

  constructor(source: Source) {
    this.#source = source;
  }

  get(request: ResourceRequest): Promise<Answer> {
    const key = resourceKey(request);
    const known = this.#answers.get(key);
    if (known) return known.answer;
    const answer = this.#source.get(request);
    this.#answers.set(key, { request, answer });
    return answer;
  }

  async recorded(): Promise<readonly RecordedAnswer[]> {
    return Promise.all(
      [...this.#answers.values()].map(async ({ request, answer }) => ({ request, answer: await answer })),
    );
  }
}

/** Answers from a proof, and says OFFLINE to what is not in it. */
export class ReplayingSource implements Source {
  readonly #answers: ReadonlyMap<string, Answer>;

  constructor(answers: readonly RecordedAnswer[]) {
    this.#answers = new Map(answers.map(({ request, answer }) => [resourceKey(request), answer]));
  }

  get(request: ResourceRequest): Promise<Answer> {
    const answer = this.#answers.get(resourceKey(request));
    return Promise.resolve(
      answer ?? { ok: false, code: 'OFFLINE', message: `The proof does not hold ${request.url}.` },
    );
  }
}

/** Kind, URL and body: the same key, the same resource. */
export function resourceKey({ kind, url, body }: ResourceRequest): string {
  return `${kind} ${url} ${body ? Array.from(body, (byte) => byte.toString(16).padStart(2, '0')).join('') : ''}`;
}
