/** Which release answers: the document's own, or the latest of the repository; and the bundles over it. */
import { sha256, toHex } from '@vitrine/bytes';
import { builderName, githubRepository } from '../builder-name.ts';
import { type Context, type Missing, askFor } from '../context.ts';
import { parseAttestationsAnswer, parseReleaseHash } from '../sources/endorsements/answers.ts';
import { githubAttestationsRequest, releaseAssetRequest } from '../sources/endorsements/requests.ts';

export interface Release {
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string;
  readonly bundles: readonly Uint8Array[];
}

/** The document's, or the repository's latest. */
export async function findRelease(context: Context): Promise<Release | Missing> {
  const { presented, policy } = context;
  const { tag, deployment, bundles } = presented.release;
  const published = context.repository ?? githubRepository(policy.code.builders);
  const repository = published ?? builderName(policy.code.builders[0]!);
  const own = presented.release.digest ?? (deployment && toHex(await sha256(deployment)));
  if (own !== undefined && bundles.length > 0) return { repository, tag, digest: own, bundles };
  if (published === undefined)
    return {
      reason: `the service does not show its release and who signed it, and only those on GitHub are looked up: it is built by ${repository}`,
      code: 'RELEASE_NOT_SHOWN',
    };
  return lookedUp(published, own, context);
}

/** The release, or its signatures, as GitHub has them. */
async function lookedUp(
  repository: string,
  own: string | undefined,
  context: Context,
): Promise<Release | Missing> {
  const { tag, bundles } = context.presented.release;
  const found = own === undefined ? await latestDigest(repository, context) : { value: own };
  if (!('value' in found)) return found;
  const digest = found.value;
  if (bundles.length > 0) return { repository, tag, digest, bundles };
  const request = githubAttestationsRequest(repository, digest);
  const answer = await askFor(context, request, parseAttestationsAnswer);
  if ('value' in answer) return { repository, tag, digest, bundles: answer.value };
  const reason = `the signatures of ${repository}, release ${digest.slice(0, 12)}…, are missing: ${answer.reason}`;
  return { reason, code: answer.code };
}

async function latestDigest(
  repository: string,
  context: Context,
): Promise<{ readonly value: string } | Missing> {
  const answer = await askFor(
    context,
    releaseAssetRequest(repository, null, 'tinfoil.hash'),
    parseReleaseHash,
  );
  if ('value' in answer) return answer;
  return {
    reason: `the digest of the latest release of ${repository} is missing: ${answer.reason}`,
    code: answer.code,
  };
}
