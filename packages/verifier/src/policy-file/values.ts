/** The forms of single values: hashes, names, refs, hosts, versions. */
import { type Form, orWord, text } from './form.ts';

export const policyName = text({
  expected: 'a name of 1 to 100 printable characters',
  // No space at either end: it could not be told from none.
  pattern: /^[^\p{C}\p{Z}](?:[^\p{C}\p{Zl}\p{Zp}]{0,98}[^\p{C}\p{Z}])?$/u,
  advice: () => 'Name what the policy is for: the name stands in every result.',
});

/** Lower case when read. */
export function hex(bytes: number, what: string): Form<string> {
  const expected = `${what}: ${bytes * 2} hexadecimal digits (${bytes} bytes)`;
  return text({
    expected,
    pattern: new RegExp(`^[0-9a-fA-F]{${bytes * 2}}$`),
    advice: (found) => {
      if (/^0x/i.test(found)) return 'Write the digits without 0x.';
      if (/^sha[0-9]+[:-]/i.test(found)) return 'Write the digits without the name of the algorithm.';
      if (/^[0-9a-f]+_[0-9]+_/i.test(found))
        return 'Write only the first of the three parts of the .info: the root hash.';
      if (/^[0-9a-f]+$/i.test(found))
        return `These are ${found.length} digits: one of another kind, or not the whole.`;
      return 'Write digits 0 to 9 and a to f, nothing else.';
    },
    normalized: (found) => found.toLowerCase(),
  });
}

export const issuer = text({
  expected: 'the URL of an OpenID Connect issuer, as its certificates spell it',
  pattern: /^https:\/\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?(?:\/[A-Za-z0-9._~-]+)*$/,
  advice: () =>
    'It is compared to the letter: https, no slash at the end, no query. GitHub Actions: https://token.actions.githubusercontent.com',
});

export const server = text({
  expected: 'the URL of a server',
  pattern: /^https:\/\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?$/,
  advice: () =>
    'Write https and the host, no slash at the end: https://github.com, https://github.example.org',
});

export const project = text({
  expected: 'group/name of a project, with all groups',
  pattern:
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}){1,20}(?<!\.git|\.atom)$/,
  advice: (found) =>
    /^https?:|\.git$/.test(found)
      ? 'Write group/name, without https://gitlab.com/ and without .git; a server of its own is named as issuer.'
      : 'Exactly one project: no pattern, no tag, no empty part.',
});

export const configuration = text({
  expected: 'the file of a pipeline, from the root of the project',
  pattern:
    /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))(?:[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}\/){0,10}[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}\.ya?ml$/,
  advice: () => 'For example .gitlab-ci.yml or ci/release.yml: no pattern, no @ and no slash at the front.',
});

/** A workflow's own subject does not say for whom it ran: anyone may call one that is reusable. */
export const subject = text({
  expected: 'an address, or the URI of a service account',
  pattern: /^(?!.*(?:\/\.github\/workflows\/|[^:]\/\/.*@refs\/))[!-)+-~]{3,1000}$/,
  advice: (found) => {
    if (found.includes('*')) return 'It is compared to the letter: there are no patterns.';
    if (found.includes('/.github/workflows/')) return 'Name a workflow by its repository, workflow and ref.';
    if (found.includes('@refs/')) return 'Name a pipeline by its project, configuration and ref.';
    return 'For example me@example.org or spiffe://example.org/build, as it stands in the certificate.';
  },
});

export const repository = text({
  expected: 'owner/name of a repository',
  pattern: /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}(?<!\.git)$/,
  advice: (found) =>
    /^https?:|\.git$/.test(found)
      ? 'Write owner/name, without https://github.com/ and without .git.'
      : 'Exactly one repository: no pattern, no tag. Who owns the others could sign too.',
});

export const workflow = text({
  expected: 'the file name of a workflow',
  pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.ya?ml$/,
  advice: (found) =>
    found.includes('/')
      ? 'Write only the file name, such as release.yml: its folder is always .github/workflows.'
      : 'For example release.yml.',
});

/** git-check-ref-format(1), below refs/tags or refs/heads, with `*` within a segment. */
export const refPattern = text({
  expected: 'a pattern of git refs such as refs/tags/* or refs/heads/main',
  pattern:
    /^refs\/(?:tags|heads)\/(?!.*(?:\.\.|\*\*|\.\+|@\{|\.lock(?:\/|$)|\.(?:\/|$)))[A-Za-z0-9_*@+-][A-Za-z0-9_*@+.-]{0,99}(?:\/[A-Za-z0-9_*@+-][A-Za-z0-9_*@+.-]{0,99}){0,9}$/,
  advice: refAdvice,
});

function refAdvice(found: string): string {
  if (/[\^$()[\]{}|?\\]|\.\+|\/\.\*/.test(found))
    return 'This is not a regular expression: it is anchored at both ends by itself, and * stands for any characters within one segment.';
  if (found.includes('**'))
    return 'One * stands within one segment; write a segment for each level: refs/tags/*/*.';
  if (/^\*|^refs\/\*/.test(found))
    return 'Say whether tags or branches are meant, refs/tags/... or refs/heads/...: a branch can have the name of a tag.';
  if (!found.startsWith('refs/'))
    return 'Write the whole ref: refs/tags/v1.* for tags, refs/heads/main for a branch.';
  return 'Only refs/tags/ and refs/heads/, with the characters that git allows in names.';
}

export const predicateType = text({
  expected: 'the URI of a predicate type',
  pattern: /^[a-z][a-z0-9+.-]{0,30}:[!#$%&'()*+,./0-9:;=?@A-Z_a-z~-]{1,500}$/,
  advice: () => 'For example https://tinfoil.sh/predicate/snp-tdx-multiplatform/v1',
});

export const domain = text({
  expected: 'a host name, or *. and a domain',
  pattern:
    /^(?=.{1,253}$)(?:\*\.(?=[^.]+\.))?[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
  advice: (found) => {
    if (/^[a-z]+:\/\//.test(found)) return 'Write the host alone, without https:// and path.';
    if (/:[0-9]+$/.test(found)) return 'Write the host without its port.';
    if (found.includes('*'))
      return 'A * stands for one whole label at the front, below a domain of two labels or more.';
    return 'For example inference.example.org or *.example.org; names in other scripts in their xn-- form.';
  },
  normalized: (found) => found.toLowerCase(),
});

export const driverVersion = text({
  expected: 'a driver version',
  pattern: /^[0-9]{1,6}(?:\.[0-9]{1,6}){1,3}$/,
  advice: () => 'For example 570.124.06, as nvidia-smi shows it.',
});

/** As a RIM names its product. */
export const architecture = text({
  expected: 'a GPU architecture',
  pattern: /^(?:G[HB][0-9]{3}|LS[0-9]{2})$/,
  advice: () => 'For example GH100 (H100, H200), GB100 (B200) or LS10 (NVSwitch).',
});

export const platformId = text({
  expected: 'a name of 1 to 100 letters, digits and . _ -',
  pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
  advice: () => 'It is for people only, and stands in results.',
});

export const any = <T>(form: Form<T>): Form<T | null> => orWord('any', form);
