/** The TUF repository of Sigstore's public-good instance. */
import { type TufRoot, parseTufRoot } from './metadata.ts';
import { publicGoodTufRoot as data } from './public-good-root.ts';

export const publicGoodTufUrl = 'https://tuf-repo-cdn.sigstore.dev';

/** Version 14. It has expired: those that it names have signed the next ones. */
export function publicGoodTufRoot(): TufRoot {
  return parseTufRoot(JSON.stringify(data));
}
