/** What this machine has kept, and no network: for replays, which start sooner without what connects. */
import { OfflineSource, type Source } from '@vitrine/verifier';
import { cacheFolder, folderCache } from '@vitrine/verifier/node';
import type { Terminal } from '../terminal.ts';

/** @param home the user's, where no other folder is named */
export function cacheOnly({ env }: Terminal, home: string): Source {
  return new OfflineSource({ store: folderCache(cacheFolder(env, home)) });
}
