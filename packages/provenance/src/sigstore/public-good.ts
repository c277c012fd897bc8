/** The built-in trusted root, in a module of its own: whoever brings another one does not load it. */
import { publicGoodRoot } from './public-good-root.ts';
import { type TrustedRoot, parseTrustedRoot } from './trusted-root.ts';

/** The day of that root. */
export const publicGoodRootDate = '2026-11-25';

/**
 * The public-good instance of Sigstore (rekor.sigstore.dev, fulcio.sigstore.dev), which public repositories of GitHub
 * sign with. It ages: a root that a TUF client fetched can be given to `authenticateBundle` instead.
 */
export function publicGoodTrustedRoot(): TrustedRoot {
  return { ...parseTrustedRoot(JSON.stringify(publicGoodRoot)), isPublicGood: true };
}
