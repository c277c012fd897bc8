/** The network and the folders of this machine as the command's words and its environment name them. */
import { type Mirrors, type ResourceKind, resourceRules } from '@vitrine/verifier';
import { type NodeEdge, cacheFolder, nodeEdge, proxiesOf, stateFolder } from '@vitrine/verifier/node';
import { UsageError } from '../exit.ts';
import { type Terminal, plain } from '../terminal.ts';
import type { VerifyFlags } from '../verify-command.ts';

/** @param home the user's, for cache and state where no other folder is named (XDG Base Directory Specification) */
export function liveEdge(flags: VerifyFlags, terminal: Terminal, home: string): Promise<NodeEdge> {
  const { env, signal, stderr } = terminal;
  const warned = new Set<string>();
  return nodeEdge({
    offline: flags.offline,
    mirrors: readMirrors(flags.mirror ?? []),
    timeoutMs: readTimeout(flags.timeout),
    bootParts: flags.bootPart,
    cacheFolder: cacheFolder(env, home),
    stateFolder: stateFolder(env, home),
    proxies: proxiesOf(env),
    signal,
    onCacheFailure: ({ message }) => {
      if (!warned.has(message)) stderr.write(`The cache is not used: ${plain(message)}\n`);
      warned.add(message);
    },
    onProxied: (host, proxy) => {
      if (flags.verbose) stderr.write(`${plain(host)} is asked through the proxy ${plain(proxy)}\n`);
    },
  });
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
