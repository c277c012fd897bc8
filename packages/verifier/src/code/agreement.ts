/** Which of several accepted statements is gone by, whether enough builders made them, and whether they say the same. */
import { type Check, decided, notChecked } from '@vitrine/appraisal';
import { toHex } from '@vitrine/bytes';
import type { CodePolicy } from '../policy.ts';
import { type Deployment, parseDeployment } from '../dialects/deployment.ts';
import { VerifierError } from '../error.ts';
import { type Judged, readReference } from './builders.ts';
import { countBuilders, signerOf } from './signer.ts';

/**
 * The accepted statements, that which is gone by first: of the builder that the policy names first, and of one builder's
 * the latest. It does not hang on the order in which a service shows them.
 */
export function inOrder(
  accepted: readonly Judged[],
  { builders }: Pick<CodePolicy, 'builders'>,
): readonly Judged[] {
  const rank = ({ builder }: Judged) => builders.findIndex((one) => one === builder);
  const time = ({ signed }: Judged) => signed.bundle.observedTimes[0]?.time.getTime() ?? 0;
  const text = ({ signed }: Judged) =>
    `${signed.identity.subject} ${signed.bundle.payload ? toHex(signed.bundle.payload) : ''}`;
  return [...accepted].sort(
    (a, b) => rank(a) - rank(b) || time(b) - time(a) || (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0),
  );
}

/**
 * So many builders of the policy, each with a signer of its own, and all of them say the same. Where one builder is enough,
 * one alone is gone by, and what others say besides is told.
 * @param accepted in order
 * @param reference what the first of them says
 */
export function agreementChecks(
  accepted: readonly Judged[],
  { builders, threshold }: Pick<CodePolicy, 'builders' | 'threshold'>,
  reference: Deployment | undefined,
): Check[] {
  const source = 'policy, code.threshold';
  const dissenters = accepted.slice(1).filter(({ signed }) => {
    const own = readReference(signed.statement);
    return own instanceof VerifierError || !reference || !sameDeployment(own, reference);
  });
  const names = dissenters.map(({ signed }) => signed.identity.subject).join(', ');
  const agreement = {
    rule: 'policy.code.agreement',
    expected: 'every builder signed the same measurement, command line and configuration',
    found: names === '' ? 'the same' : `another deployment, signed by ${names}`,
    source,
  };
  if (threshold === 1) {
    if (accepted.length < 2) return [];
    const one = accepted[0]!.signed.identity.subject;
    return names === ''
      ? [decided(true, agreement, 'BUILDERS_DISAGREE')]
      : [notChecked(agreement, `one builder is enough, and ${one} is gone by; ${names} signed otherwise`)];
  }
  const count = countOf(accepted, builders);
  const enough = {
    rule: 'policy.code.threshold',
    expected: `${threshold} different builders`,
    found: String(count),
    source,
  };
  return [
    decided(count >= threshold, enough, 'BUILDERS_TOO_FEW'),
    decided(dissenters.length === 0, agreement, 'BUILDERS_DISAGREE'),
  ];
}

/** How many of the builders signed, each by a signer of its own. */
export function countOf(accepted: readonly Judged[], builders: CodePolicy['builders']): number {
  return countBuilders(
    builders.map((builder) =>
      accepted.filter((one) => one.builders.includes(builder)).map(({ signed }) => signerOf(signed.identity)),
    ),
  );
}

/** A service that shows the file whose digest was signed shows what was signed. */
export function fileCheck(file: Uint8Array, reference: Deployment): Check {
  const rule = {
    rule: 'release.deployment',
    expected: 'the deployment file says what the signed statement says',
    source: 'in-toto Statement v1, predicate',
  };
  const shown = readFile(file);
  if (shown instanceof VerifierError)
    return decided(false, { ...rule, found: shown.message }, 'DEPLOYMENT_MISMATCH');
  const differing = namesOf(shown, reference).filter(
    (name) => textOf(shown[name]) !== textOf(reference[name]),
  );
  const found = differing.length === 0 ? 'the same' : `another ${differing.join(', ')}`;
  return decided(differing.length === 0, { ...rule, found }, 'DEPLOYMENT_MISMATCH');
}

function readFile(file: Uint8Array): Deployment | VerifierError {
  try {
    return parseDeployment(file);
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
}

function sameDeployment(one: Deployment, other: Deployment): boolean {
  return namesOf(one, other).every((name) => textOf(one[name]) === textOf(other[name]));
}

function namesOf(one: Deployment, other: Deployment): (keyof Deployment)[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])] as (keyof Deployment)[];
}

/** Members come in the order of the reader, so that equal values have equal texts. */
function textOf(value: Deployment[keyof Deployment]): string | undefined {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    return part instanceof Uint8Array ? toHex(part) : part;
  });
}
