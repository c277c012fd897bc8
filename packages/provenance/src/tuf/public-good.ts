/** The TUF repository of Sigstore's public-good instance. */
import { publicGoodTufRoot as data } from './public-good-root.ts';

export const publicGoodTufUrl = 'https://tuf-repo-cdn.sigstore.dev';

/** `root.json`, version 14. It has expired: those that it names have signed the next ones. */
export function publicGoodTufRoot(): string {
  return JSON.stringify(data, null, 1);
}
