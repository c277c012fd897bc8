/** The network and the folders of this machine, for `verifyUrl`. */
import { randomBytes } from 'node:crypto';
import {
  type Mirrors,
  type Proof,
  type ResourceKind,
  type Source,
  type VerifyOptions,
  CachingSource,
  OfflineSource,
  createNetworkSource,
  firstOf,
  resourceRules,
} from '@vitrine/verifier';
import {
  cacheFolder,
  createNodeClient,
  folderCache,
  folderMemory,
  folderSource,
  openConnection,
  saveProof,
  stateFolder,
} from '@vitrine/verifier/node';
import { UsageError } from '../exit.ts';
import { type Terminal, plain } from '../terminal.ts';
import type { VerifyFlags } from '../verify-command.ts';

export type LiveEdge = Pick<
  VerifyOptions,
  'clock' | 'random' | 'connect' | 'endorsements' | 'memory' | 'signal'
> & {
  /** For a newer list of logs: asked once, since the built-in one will do. */
  readonly lists: Source;
  readonly saveProof: (path: string, proof: Proof) => Promise<void>;
};

/** @param home the user's, for cache and state where no other folder is named (XDG Base Directory Specification) */
export async function liveEdge(flags: VerifyFlags, terminal: Terminal, home: string): Promise<LiveEdge> {
  const { env, signal } = terminal;
  const clock = () => new Date();
  const mirrors = readMirrors(flags.mirror ?? []);
  const totalMs = readTimeout(flags.timeout);
  const timeouts = totalMs === undefined ? {} : { timeouts: { totalMs } };
  const client = createNodeClient();
  const store = folderCache(cacheFolder(env, home));
  const bootParts: Source[] = flags.bootPart?.length ? [await folderSource(flags.bootPart)] : [];
  const warned = new Set<string>();
  const onStoreFailure = ({ message }: Error): void => {
    if (!warned.has(message)) terminal.stderr.write(`The cache is not used: ${plain(message)}\n`);
    warned.add(message);
  };
  const network = (attempts?: number): Source =>
    flags.offline
      ? new OfflineSource({ store, clock, onStoreFailure })
      : new CachingSource(
          createNetworkSource({ fetch: client.fetch, mirrors, signal, clock, attempts, ...timeouts }),
          { store, clock, onStoreFailure },
        );
  return {
    clock,
    signal,
    random: (lengthBytes) => new Uint8Array(randomBytes(lengthBytes)),
    endorsements: firstOf(...bootParts, network()),
    lists: network(1),
    memory: folderMemory(stateFolder(env, home)),
    saveProof,
    connect: async (url, abort) => {
      const connection = await openConnection({
        url,
        signal: abort,
        ...(totalMs === undefined ? {} : { handshakeTimeoutMs: totalMs }),
      });
      const { host, port, certificates } = connection;
      return {
        seen: { host, port, certificates },
        source: createNetworkSource({
          fetch: client.fetch,
          endpointFetch: connection.fetch,
          signal: abort,
          clock,
          ...timeouts,
        }),
        close: () => connection.close(),
      };
    },
  };
}

/** "https://kdsintf.amd.com=https://mirror.example.org": for every kind of resource that comes from there. */
function readMirrors(pairs: readonly string[]): Mirrors {
  const origins: Record<string, string> = {};
  for (const pair of pairs) {
    const [from, to, ...rest] = pair.split('=');
    if (!from || !to || rest.length > 0 || !URL.canParse(from) || !URL.canParse(to))
      throw new UsageError(
        `--mirror ${pair}: expected ORIGIN=REPLACEMENT, like https://kdsintf.amd.com=https://mirror.example.org.`,
      );
    origins[new URL(from).origin] = to.replace(/\/$/, '');
  }
  const kinds = Object.keys(resourceRules) as ResourceKind[];
  return Object.fromEntries(kinds.map((kind) => [kind, origins]));
}

const MAX_TIMEOUT_SECONDS = 600;

function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS) return seconds * 1000;
  throw new UsageError(`--timeout ${text}: expected seconds, up to ${MAX_TIMEOUT_SECONDS}.`);
}
