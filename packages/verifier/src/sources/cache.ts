/** Answers kept on this machine until they expire: over the network, or instead of it. */
import { VerifierError } from '../error.ts';
import { type Answer, type ResourceRequest, type Source, resourceKey } from '../source.ts';
import { type ExpiresAt, expiryOf } from './expiry.ts';
import { resourceRules } from './kinds.ts';

export interface CacheEntry {
  readonly bytes: Uint8Array;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly storedAt: Date;
  readonly expiresAt: Date;
}

/** Where answers are kept, by `resourceKey`. What is damaged is not there. */
export interface CacheStore {
  get(key: string): Promise<CacheEntry | undefined>;
  /** @throws VerifierError STATE_UNUSABLE */
  put(key: string, entry: CacheEntry): Promise<void>;
}

export interface CacheOptions {
  readonly store: CacheStore;
  readonly clock?: (() => Date) | undefined;
  /** The end that a body names itself; default `expiryOf`. */
  readonly expiresAt?: ExpiresAt | undefined;
  /** Told when the store fails: verification goes on without it. */
  readonly onStoreFailure?: ((error: Error) => void) | undefined;
}

/** Asks the store first, then the source, and keeps what came well. Failures and endpoint documents are never kept. */
export class CachingSource implements Source {
  readonly #source: Source;
  readonly #options: CacheOptions;

  constructor(source: Source, options: CacheOptions) {
    this.#source = source;
    this.#options = options;
  }

  async get(request: ResourceRequest): Promise<Answer> {
    if (!isCacheable(request)) return this.#source.get(request);
    const kept = await this.#kept(request);
    if (kept) return kept;
    const answer = await this.#source.get(request);
    if (answer.ok) await this.#keep(request, answer);
    return answer;
  }

  async #kept(request: ResourceRequest): Promise<Answer | undefined> {
    const { store, clock = () => new Date() } = this.#options;
    const now = clock();
    try {
      const entry = await store.get(resourceKey(request));
      return entry && isFresh(entry, now) ? answerOf(entry) : undefined;
    } catch (error) {
      this.#storeFailed(error);
      return undefined;
    }
  }

  async #keep(request: ResourceRequest, answer: Answer & { ok: true }): Promise<void> {
    const { store, clock = () => new Date(), expiresAt = expiryOf } = this.#options;
    const storedAt = clock();
    const end = await expiresAt(request, answer.bytes);
    if (!end) return;
    const latest = storedAt.getTime() + (resourceRules[request.kind].cacheSeconds ?? 0) * 1000;
    const entry = {
      bytes: answer.bytes,
      ...(answer.headers ? { headers: answer.headers } : {}),
      storedAt,
      expiresAt: new Date(Math.min(end.getTime(), latest)),
    };
    if (!isFresh(entry, storedAt)) return;
    try {
      await store.put(resourceKey(request), entry);
    } catch (error) {
      this.#storeFailed(error);
    }
  }

  #storeFailed(error: unknown): void {
    if (!(error instanceof VerifierError)) throw error;
    this.#options.onStoreFailure?.(error);
  }
}

/** What the store has, and OFFLINE for all else. */
export class OfflineSource implements Source {
  readonly #cache: CachingSource;

  constructor(options: CacheOptions) {
    this.#cache = new CachingSource({ get: (request) => Promise.resolve(offline(request)) }, options);
  }

  get(request: ResourceRequest): Promise<Answer> {
    return this.#cache.get(request);
  }
}

/** The first source that has it; OFFLINE of one leaves the question to the next. */
export function firstOf(...sources: readonly Source[]): Source {
  return {
    get: async (request) => {
      let answer: Answer = offline(request);
      for (const source of sources) {
        answer = await source.get(request);
        if (answer.ok || answer.code !== 'OFFLINE') return answer;
      }
      return answer;
    },
  };
}

/** An asset of "the latest release" is another one tomorrow under the same address. */
function isCacheable({ kind, url }: ResourceRequest): boolean {
  if (kind === 'release-asset' && /\/releases\/latest\//.test(url)) return false;
  return resourceRules[kind].cacheSeconds !== null;
}

/** What was stored after the time given belongs to a clock that went wrong. */
function isFresh({ storedAt, expiresAt }: Pick<CacheEntry, 'storedAt' | 'expiresAt'>, now: Date): boolean {
  return storedAt <= now && now < expiresAt;
}

function answerOf({ bytes, headers }: CacheEntry): Answer {
  return { ok: true, bytes, ...(headers ? { headers } : {}) };
}

function offline({ kind, url }: ResourceRequest): Answer {
  return {
    ok: false,
    code: 'OFFLINE',
    message: `Offline, and ${resourceRules[kind].name} is not at hand: ${url}`,
  };
}
