/** The subject that Fulcio writes for a run of GitHub Actions or of GitLab CI, taken apart. */

export interface WorkflowUri {
  readonly system: 'github' | 'gitlab';
  /** "https://github.com" */
  readonly server: string;
  /** "owner/name"; of GitLab with all groups, and with the folder that the server is in, if any: "group/subgroup/name" */
  readonly repository: string;
  /** ".github/workflows/release.yml", ".gitlab-ci.yml" */
  readonly path: string;
  /** "refs/tags/v1.0.0"; of GitHub it may be a commit */
  readonly ref: string;
}

const SERVER = 'https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?';
/** `https://github.com/owner/name/.github/workflows/release.yml@refs/tags/v1.0.0` */
const GITHUB = new RegExp(
  `^(${SERVER})/([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/(\\.github/workflows/[^/@]+\\.ya?ml)@([^\\s]+)$`,
);
/** `https://gitlab.com/group/name//.gitlab-ci.yml@refs/tags/v1.0.0` */
const GITLAB = new RegExp(
  `^(${SERVER})/([A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)+)//((?:[^/@\\s]+/)*[^/@\\s]+\\.ya?ml)@(refs/[^\\s]+)$`,
);

/**
 * The path ends at the first "@" behind it: a ref may have "@" in it, a file that is looked for has none. Of GitHub the file
 * lies in one folder; of GitLab "//" stands between project and file, once. Undefined for what is no such URI.
 */
export function parseWorkflowUri(uri: string): WorkflowUri | undefined {
  return parsed('github', GITHUB.exec(uri)) ?? parsed('gitlab', GITLAB.exec(uri));
}

function parsed(system: WorkflowUri['system'], match: RegExpExecArray | null): WorkflowUri | undefined {
  if (!match) return undefined;
  const [, server, repository, path, ref] = match;
  // Whoever reads the URI as an address would be elsewhere.
  if (`${repository!}/${path!}`.split('/').some((part) => part === '.' || part === '..')) return undefined;
  return { system, server: server!, repository: repository!, path: path!, ref: ref! };
}
