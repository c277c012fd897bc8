/** Who may have signed: issuer, repository, workflow, ref and builder, each by the whole word or an anchored pattern. */
import { type Check, decided, failed } from '@vitrine/appraisal';
import type { AuthenticBundle } from './authenticate.ts';
import type { Identity } from './identity.ts';
import { appraiseRun } from './run-policy.ts';
import { type StatementExpectation, appraiseStatement } from './statement-policy.ts';

export type IdentityPolicy = WorkflowPolicy | PipelinePolicy | SubjectPolicy;

/** A workflow of GitHub Actions, or of a server that has the same. Patterns: `*` is anything but "/". */
export interface WorkflowPolicy {
  /** Exactly: "https://token.actions.githubusercontent.com". */
  readonly issuer: string;
  /** Exactly: "owner/name". */
  readonly repository: string;
  /** Pattern of the workflow's file: ".github/workflows/release.yml". Left out, any of the repository. */
  readonly workflow?: string | undefined;
  readonly ref: RefPolicy;
  /** Exactly: "github-hosted". Left out, any. */
  readonly runnerEnvironment?: string | undefined;
  /**
   * Pattern of the URI of a reusable workflow that signs for the repository:
   * "https://github.com/owner/builders/.github/workflows/build.yml@refs/tags/v*". Left out, the repository signs itself.
   */
  readonly builder?: string | undefined;
  /** Exactly; it outlives the name, which somebody else may take over. */
  readonly repositoryId?: string | undefined;
  readonly ownerId?: string | undefined;
  /** Default "https://github.com". */
  readonly server?: string | undefined;
}

/** A pipeline of GitLab CI, of GitLab.com or of a server of one's own. Patterns: `*` is anything but "/". */
export interface PipelinePolicy {
  /** Exactly, and it is the server as well: "https://gitlab.com". */
  readonly issuer: string;
  /** Exactly, with all groups: "group/subgroup/name". */
  readonly project: string;
  /** Pattern of the file that the pipeline is in: ".gitlab-ci.yml". Left out, any of the project. */
  readonly configuration?: string | undefined;
  readonly ref: RefPolicy;
  /** Exactly: "gitlab-hosted". Left out, any. */
  readonly runnerEnvironment?: string | undefined;
  /** Exactly; they outlive the names. */
  readonly repositoryId?: string | undefined;
  readonly ownerId?: string | undefined;
}

/** What the workflow ran on: a tag or branch by pattern, one ref exactly, or all that begin with a prefix. */
export type RefPolicy =
  | { readonly tag: string }
  | { readonly branch: string }
  | { readonly ref: string }
  | { readonly prefix: string };

/** Anyone else: a person's address, a service account, a SPIFFE ID. */
export interface SubjectPolicy {
  /** Exactly: "https://accounts.google.com". */
  readonly issuer: string;
  /** The subject alternative name exactly. */
  readonly subject: string;
}

const EXTENSIONS = 'Fulcio, OID information';

/**
 * Rule by rule, with the statement's subject and predicate type always among them.
 * @param expected what the statement must be about; what is left out is reported as not checked
 */
export function appraiseIdentity(
  bundle: AuthenticBundle,
  policy: IdentityPolicy,
  expected: StatementExpectation = {},
): Check[] {
  const statement = appraiseStatement(bundle, expected);
  if (bundle.signer.kind === 'key') return [noCertificate(), ...statement];
  return [...appraiseSigner(bundle.signer.identity, policy), ...statement];
}

/** The rules about the certificate alone. */
export function appraiseSigner(identity: Identity, policy: IdentityPolicy): Check[] {
  const issuer = issuerCheck(identity, policy);
  if ('subject' in policy) return [issuer, subjectCheck(identity, policy)];
  if ('project' in policy) {
    const { issuer: server, project: repository, configuration: workflow, ...others } = policy;
    return [issuer, ...appraiseRun(identity, { system: 'gitlab', server, repository, workflow, ...others })];
  }
  const { server = 'https://github.com', ...others } = policy;
  return [issuer, ...appraiseRun(identity, { system: 'github', server, ...others })];
}

function noCertificate(): Check {
  const rule = {
    rule: 'sigstore.identity.issuer',
    expected: 'a certificate with an identity',
    found: 'a bare key',
    source: 'Sigstore client specification section 4.4',
  };
  return failed(rule, 'IDENTITY_MISSING', 'Demand a bundle that is signed with a certificate.');
}

function issuerCheck({ issuer }: Identity, policy: IdentityPolicy): Check {
  const rule = {
    rule: 'sigstore.identity.issuer',
    expected: policy.issuer,
    found: issuer ?? 'none',
    source: `${EXTENSIONS}, 1.3.6.1.4.1.57264.1.8 and 1.1`,
  };
  return decided(issuer === policy.issuer, rule, 'OIDC_ISSUER_MISMATCH');
}

/** What looks like a URI must be one: an issuer of addresses may let people choose theirs. */
function subjectCheck({ subject, subjectKind }: Identity, policy: SubjectPolicy): Check {
  const rule = {
    rule: 'sigstore.identity.subject',
    expected: policy.subject,
    found: subjectKind === 'uri' ? subject : `the ${subjectKind === 'email' ? 'address' : 'name'} ${subject}`,
    source: 'RFC 5280 section 4.2.1.6',
  };
  const isUri = policy.subject.includes('://');
  return decided(
    subject === policy.subject && isUri === (subjectKind === 'uri'),
    rule,
    'IDENTITY_SUBJECT_MISMATCH',
  );
}
