/** The built-in trusted root, in a module of its own: whoever brings another one does not load it. */
import { type TrustedRoot, parseTrustedRoot } from './trusted-root.ts';

/**
 * The public-good instance of Sigstore (rekor.sigstore.dev, fulcio.sigstore.dev), which public repositories of GitHub
 * sign with. It ages: a root that a TUF client fetched can be given to `authenticateBundle` instead.
 */
export async function publicGoodTrustedRoot(): Promise<TrustedRoot> {
  const { publicGoodRoot } = await import('./public-good-root.ts');
  return { ...parseTrustedRoot(JSON.stringify(publicGoodRoot)), isPublicGood: true };
}
