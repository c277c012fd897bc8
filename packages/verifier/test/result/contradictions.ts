/** Whether a result says what follows from its checks (docs/attestation-result.md §1): written anew, not with the code that made it. */

interface AnyCheck {
  readonly rule: string;
  readonly outcome: string;
  readonly code?: string;
  readonly reason?: string;
  readonly required?: boolean;
  readonly details?: readonly AnyCheck[];
}
interface AnyGroup {
  readonly id: string;
  readonly outcome: string;
  readonly checks: readonly AnyCheck[];
}
export interface AnyResult {
  readonly verdict: string;
  readonly groups: readonly AnyGroup[];
  readonly keys: Readonly<Record<string, unknown>>;
}

/** One sentence for each thing that does not follow. */
export function contradictions({ verdict, groups, keys }: AnyResult): string[] {
  return [
    ...groups.flatMap(ofGroup),
    ...ofVerdict(verdict, groups),
    ...(isBound(groups) ? [] : shownKeys(keys)),
  ];
}

function ofGroup({ id, outcome, checks }: AnyGroup): string[] {
  const failed = checks.some((check) => check.outcome === 'fail');
  const open = checks.some((check) => check.outcome === 'not-checked' && check.required === true);
  const expected = failed ? 'fail' : open || checks.length === 0 ? 'not-checked' : 'pass';
  return [
    ...(outcome === expected ? [] : [`group ${id} is ${outcome}, which does not follow: ${expected} does`]),
    ...checks
      .filter(({ rule }) => !rule.startsWith(`${id}.`))
      .map(({ rule }) => `${rule} is not of group ${id}`),
    ...checks.flatMap(ofCheck),
  ];
}

function ofCheck({ rule, outcome, code, details = [] }: AnyCheck): string[] {
  const failed = details.find((detail) => detail.outcome === 'fail');
  return [
    ...(failed && outcome !== 'fail' ? [`${rule} is ${outcome} although ${failed.rule} failed`] : []),
    ...(failed && code !== failed.code ? [`${rule} has another code than ${failed.rule}`] : []),
  ];
}

function ofVerdict(verdict: string, groups: readonly AnyGroup[]): string[] {
  const all = (wanted: string) => groups.every(({ outcome }) => outcome === wanted);
  const failed = groups.some(({ outcome }) => outcome === 'fail');
  const expected = failed ? 'failed' : all('pass') ? 'verified' : 'not-checked';
  return verdict === expected ? [] : [`the verdict is ${verdict}, which does not follow: ${expected} does`];
}

function isBound(groups: readonly AnyGroup[]): boolean {
  const checks = groups.flatMap((group) => group.checks);
  return checks.some(({ rule, outcome }) => rule === 'runtime.binding' && outcome === 'pass');
}

function shownKeys(keys: Readonly<Record<string, unknown>>): string[] {
  return ['tlsSpkiSha256', 'tlsCertificateSha256', 'hpkePublicKey']
    .filter((name) => keys[name] !== null)
    .map((name) => `keys.${name} is shown although nothing binds it`);
}
