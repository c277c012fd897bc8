/** Network, folders, clock and chance of this machine, as `verifyUrl` wants them. Nothing is read from the environment. */
import { randomBytes } from 'node:crypto';
import { folderMemory } from './memory/folder.node.ts';
import { folderSource } from './sources/boot-folder.node.ts';
import {
  type CacheEntry,
  type CacheStore,
  type Mirrors,
  CachingSource,
  OfflineSource,
  createNetworkSource,
  firstOf,
} from './sources/index.ts';
import { folderCache } from './sources/folder-cache.node.ts';
import { createNodeClient } from './sources/http-client.node.ts';
import { type ProxyRules, proxyFor, proxyName } from './sources/proxies.node.ts';
import type { Source } from './source.ts';
import type { VerifyOptions } from './verify-url.ts';

export interface NodeEdgeOptions {
  /** Nobody but the service is asked: what the document and the cache do not hold is missing. */
  readonly offline?: boolean | undefined;
  readonly mirrors?: Mirrors | undefined;
  /** For the handshake, and for each resource in all, in place of every shorter limit; default each kind's own. */
  readonly timeoutMs?: number | undefined;
  /** Files, or folders of files, to recompute measurements with. */
  readonly bootParts?: readonly string[] | undefined;
  /** Where endorsements are kept (`cacheFolder` says which is usual); left out, in memory. */
  readonly cacheFolder?: string | undefined;
  /** Where accepted releases are remembered (`stateFolder`); left out, nothing is: a step back to an older release is not seen. */
  readonly stateFolder?: string | undefined;
  /** Left out, everybody is asked directly; `proxiesOf` reads an environment. */
  readonly proxies?: ProxyRules | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The cache cannot be read or written; verification goes on without it. */
  readonly onCacheFailure?: ((error: Error) => void) | undefined;
  /** Told once for each host. @param proxy "proxy.example:3128" */
  readonly onProxied?: ((host: string, proxy: string) => void) | undefined;
}

export type NodeEdge = Pick<
  VerifyOptions,
  'clock' | 'random' | 'connect' | 'endorsements' | 'memory' | 'signal'
> & {
  /** For a newer list of logs: asked once, since the built-in one will do. */
  readonly lists: Source;
  /** Lets go of idle connections; a process ends without it, too. */
  close(): void;
};

/** @throws VerifierError ARGUMENT_INVALID: a boot part cannot be read */
export async function nodeEdge(options: NodeEdgeOptions = {}): Promise<NodeEdge> {
  const { signal, timeoutMs, mirrors, proxies = {} } = options;
  const clock = (): Date => new Date();
  const timeouts =
    timeoutMs === undefined
      ? {}
      : { timeouts: { headersMs: timeoutMs, chunkMs: timeoutMs, totalMs: timeoutMs } };
  const client = createNodeClient({ proxies });
  const tell = proxyTeller(options);
  const fetch: typeof client.fetch = (request) => {
    tell(new URL(request.url));
    return client.fetch(request);
  };
  const kept = {
    store: options.cacheFolder === undefined ? memoryCache() : folderCache(options.cacheFolder),
    clock,
    onStoreFailure: options.onCacheFailure,
  };
  const network = (attempts?: number): Source =>
    options.offline
      ? new OfflineSource(kept)
      : new CachingSource(
          createNetworkSource({ fetch, mirrors, signal, clock, attempts, ...timeouts }),
          kept,
        );
  const bootParts = options.bootParts?.length ? [await folderSource(options.bootParts)] : [];
  return {
    clock,
    signal,
    random: (lengthBytes) => new Uint8Array(randomBytes(lengthBytes)),
    endorsements: firstOf(...bootParts, network()),
    lists: network(1),
    memory: options.stateFolder === undefined ? undefined : folderMemory(options.stateFolder),
    connect: async (url, abort) => {
      tell(url);
      const { openConnection } = await import('./sources/connection.node.ts');
      const connection = await openConnection({ url, signal: abort, handshakeTimeoutMs: timeoutMs, proxies });
      const { host, port, certificates } = connection;
      return {
        seen: { host, port, certificates },
        source: createNetworkSource({
          fetch,
          endpointFetch: connection.fetch,
          signal: abort,
          clock,
          ...timeouts,
        }),
        close: () => connection.close(),
      };
    },
    close: () => client.close(),
  };
}

function memoryCache(): CacheStore {
  const entries = new Map<string, CacheEntry>();
  return {
    get: (key) => Promise.resolve(entries.get(key)),
    put: (key, entry) => Promise.resolve(void entries.set(key, entry)),
  };
}

function proxyTeller({ proxies = {}, onProxied }: NodeEdgeOptions): (url: URL) => void {
  const told = new Set<string>();
  return (url) => {
    const proxy = proxyFor(url, proxies);
    if (!proxy || told.has(url.host)) return;
    told.add(url.host);
    onProxied?.(url.host, proxyName(proxy));
  };
}
