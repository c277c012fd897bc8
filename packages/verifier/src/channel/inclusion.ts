/** Whether the logs kept their promises: asked where they can be reached. */
import type { Check } from '@vitrine/appraisal';
import { type AuthenticScts, appraiseInclusion, inclusionTargets, proveInclusion } from '@vitrine/provenance';
import { type Context, askFor } from '../context.ts';
import { type Promised, promised } from '../promise.ts';
import type { ResultCheck } from '../result.ts';

export async function checkInclusion(context: Context, scts: AuthenticScts): Promise<ResultCheck> {
  const what: Promised = {
    rule: 'channel.inclusion',
    title: 'The logs show the certificate to everyone',
    required: context.policy.channel.ct.requireInclusion,
    evidence: 'Certificate Transparency logs',
    expected: 'the certificate under a tree head that a log signed',
    source: 'RFC 6962 sections 3.5 and 4.5',
  };
  const targets = await inclusionTargets(scts);
  const outcomes = await Promise.all(
    targets.map((target) =>
      proveInclusion(target, async ({ url }) => {
        const answer = await askFor(context, { kind: 'ct-log-entry', url }, (bytes) => bytes);
        return 'value' in answer ? answer.value : answer.reason;
      }),
    ),
  );
  const check: Check = appraiseInclusion(outcomes);
  return promised(what, [check]);
}
