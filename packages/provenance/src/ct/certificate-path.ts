/** From a server's certificates to a path that ends in a trust anchor, whatever order and extras it sent them with. */
import {
  type Certificate,
  X509Error,
  extensionOid,
  isSignedBy,
  sameCertificate,
  sameName,
  verifyChain,
} from '@vitrine/x509';
import { nameConstraintsOid } from './name-constraints.ts';

export type PathResult =
  /** The leaf first, the anchor last. */
  | { readonly path: readonly Certificate[] }
  /** The error of the first path that led to an anchor; undefined where none did. */
  | { readonly error: X509Error | undefined };

const MAX_PATH_LENGTH = 8;
const MAX_PATHS = 8;
/** Of the search, which names of certificates drive, and whoever sent them chose those. */
const MAX_STEPS = 256;

export async function findPath(
  leaf: Certificate,
  sent: readonly Certificate[],
  anchors: readonly Certificate[],
  now: Date,
): Promise<PathResult> {
  let first: X509Error | undefined;
  let count = 0;
  for (const path of pathsFrom([leaf], { sent, anchors, steps: MAX_STEPS })) {
    try {
      await verifyChain(path, {
        anchors,
        now,
        what: 'TLS chain',
        // Constraints are looked at on the path that is found. Policies restrict nothing when every policy is accepted.
        knownExtensions: [nameConstraintsOid, extensionOid.certificatePolicies],
      });
      return { path };
    } catch (error) {
      if (!(error instanceof X509Error)) throw error;
      first ??= error;
    }
    if (++count === MAX_PATHS) break;
  }
  return { error: first };
}

/**
 * As it was sent, where there are no anchors to lead to: by issuers' names, and by keys where several have the name.
 * Nothing of it is to be relied on.
 */
export async function assumedPath(leaf: Certificate, sent: readonly Certificate[]): Promise<Certificate[]> {
  const path = [leaf];
  while (path.length < MAX_PATH_LENGTH) {
    const next = await likeliestIssuer(path, sent);
    if (!next) break;
    path.push(next);
  }
  return path;
}

async function likeliestIssuer(
  path: readonly Certificate[],
  sent: readonly Certificate[],
): Promise<Certificate | undefined> {
  const [first, ...others] = issuersOf(path, sent);
  if (!first || others.length === 0) return first;
  for (const candidate of [first, ...others]) if (await didSign(candidate, path.at(-1)!)) return candidate;
  return first;
}

async function didSign(issuer: Certificate, certificate: Certificate): Promise<boolean> {
  try {
    return await isSignedBy(certificate, issuer);
  } catch (error) {
    if (error instanceof X509Error) return false;
    throw error;
  }
}

interface Search {
  readonly sent: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  steps: number;
}

/** Every path by name from the last certificate up to an anchor; those that are shorter first. */
function* pathsFrom(path: readonly Certificate[], search: Search): Generator<readonly Certificate[]> {
  if (search.steps-- <= 0) return;
  const last = path.at(-1)!;
  if (search.anchors.some((anchor) => sameCertificate(anchor, last))) {
    yield path;
    return;
  }
  if (path.length === MAX_PATH_LENGTH) return;
  const anchors = issuersOf(path, search.anchors);
  for (const anchor of anchors) yield [...path, anchor];
  for (const issuer of issuersOf(path, search.sent)) {
    if (!anchors.some((anchor) => sameCertificate(anchor, issuer)))
      yield* pathsFrom([...path, issuer], search);
  }
}

function issuersOf(path: readonly Certificate[], candidates: readonly Certificate[]): Certificate[] {
  const last = path.at(-1)!;
  return candidates.filter(
    (candidate) =>
      sameName(candidate.subject, last.issuer) && !path.some((one) => sameCertificate(one, candidate)),
  );
}
