/** Who asks Fulcio for a certificate, and the extensions that it writes down (Fulcio, OID information). */
import { contextTag, primitiveContextTag, utf8 } from '@vitrine/bytes';
import { derElement, derOid, derSequence, derUtf8String } from '@vitrine/bytes/der-writer';
import { fulcioArc } from '@vitrine/provenance/sigstore';
import { extensionOid } from '@vitrine/x509';
import type { ExtensionRequest } from '../authority.ts';

export type SigningIdentity = WorkflowRun | PipelineRun | Person;

/** A run of a workflow of GitHub Actions. */
export interface WorkflowRun {
  /** Default "https://token.actions.githubusercontent.com". */
  readonly issuer?: string;
  /** Default "https://github.com". */
  readonly server?: string;
  /** "owner/name" */
  readonly repository: string;
  /** Default ".github/workflows/release.yml". */
  readonly workflow?: string;
  /** "refs/tags/v1.0.0" */
  readonly ref: string;
  /** Default "github-hosted". */
  readonly runnerEnvironment?: string;
  /** Default the workflow itself: the URI of a reusable workflow, ref included. */
  readonly builder?: string;
  /** Extensions by number that differ from what the run would have; undefined leaves one out. */
  readonly extensions?: Readonly<Record<number, string | undefined>>;
}

/** A run of a pipeline of GitLab CI. */
export interface PipelineRun {
  /** Default "https://gitlab.com"; it is the server as well. */
  readonly issuer?: string;
  /** "group/name" */
  readonly project: string;
  /** Default ".gitlab-ci.yml". */
  readonly configuration?: string;
  /** "refs/tags/v1.0.0" */
  readonly ref: string;
  /** Default "gitlab-hosted". */
  readonly runnerEnvironment?: string;
  /** Subject alternative name in the place of the pipeline's own. */
  readonly subject?: string;
  /** Extensions by number that differ from what the run would have; undefined leaves one out. */
  readonly extensions?: Readonly<Record<number, string | undefined>>;
}

export interface Person {
  readonly issuer: string;
  readonly kind: 'email' | 'uri' | 'name';
  readonly subject: string;
}

export const githubIssuer = 'https://token.actions.githubusercontent.com';
export const gitlabIssuer = 'https://gitlab.com';

/** Bare characters instead of a UTF8String. */
const rawNumbers = [1, 2, 3, 4, 5, 6];
const githubServer = 'https://github.com';
const COMMIT = '0123456789abcdef0123456789abcdef01234567';

export function identityExtensions(identity: SigningIdentity): ExtensionRequest[] {
  const subject = {
    oid: extensionOid.subjectAltName,
    critical: true,
    value: derSequence(subjectName(identity)),
  };
  return [
    subject,
    ...Object.entries(numbered(identity)).flatMap(([number, text]) => extension(+number, text)),
  ];
}

function subjectName(identity: SigningIdentity): Uint8Array {
  if ('repository' in identity) return derElement(primitiveContextTag(6), utf8(builderOf(identity)));
  if ('project' in identity) return derElement(primitiveContextTag(6), utf8(pipelineUri(identity)));
  const { kind, subject } = identity;
  if (kind !== 'name') return derElement(primitiveContextTag(kind === 'uri' ? 6 : 1), utf8(subject));
  return derElement(
    contextTag(0),
    derOid(`${fulcioArc}.7`),
    derElement(contextTag(0), derUtf8String(subject)),
  );
}

function numbered(identity: SigningIdentity): Readonly<Record<number, string | undefined>> {
  if ('project' in identity) return numberedPipeline(identity);
  if (!('repository' in identity)) return { 1: identity.issuer, 8: identity.issuer };
  const { issuer = githubIssuer, repository, ref, runnerEnvironment = 'github-hosted' } = identity;
  const { server = githubServer } = identity;
  const [owner = ''] = repository.split('/');
  return {
    1: issuer,
    2: 'push',
    3: COMMIT,
    4: 'Release',
    5: repository,
    6: ref,
    8: issuer,
    9: builderOf(identity),
    10: COMMIT,
    11: runnerEnvironment,
    12: `${server}/${repository}`,
    13: COMMIT,
    14: ref,
    15: '424242',
    16: `${server}/${owner}`,
    17: '4242',
    18: workflowUri(identity),
    19: COMMIT,
    20: 'push',
    21: `${server}/${repository}/actions/runs/1/attempts/1`,
    22: 'public',
    ...identity.extensions,
  };
}

/** Repositories are said to be of GitLab.com, whatever the server: so does the template of Fulcio's public instance. */
function numberedPipeline(run: PipelineRun): Readonly<Record<number, string | undefined>> {
  const { issuer = gitlabIssuer, project, ref, runnerEnvironment = 'gitlab-hosted' } = run;
  const namespace = project.split('/').slice(0, -1).join('/');
  return {
    1: issuer,
    8: issuer,
    9: pipelineUri(run),
    10: COMMIT,
    11: runnerEnvironment,
    12: `${gitlabIssuer}/${project}`,
    13: COMMIT,
    14: ref,
    15: '515151',
    16: `${gitlabIssuer}/${namespace}`,
    17: '5151',
    18: pipelineUri(run),
    19: COMMIT,
    20: 'push',
    21: `${gitlabIssuer}/${project}/-/jobs/1`,
    22: 'public',
    ...run.extensions,
  };
}

function pipelineUri(run: PipelineRun): string {
  const { issuer = gitlabIssuer, project, configuration = '.gitlab-ci.yml', ref, subject } = run;
  return subject ?? `${issuer}/${project}//${configuration}@${ref}`;
}

function builderOf(run: WorkflowRun): string {
  return run.builder ?? workflowUri(run);
}

function workflowUri(run: WorkflowRun): string {
  const { server = githubServer, repository, workflow = '.github/workflows/release.yml', ref } = run;
  return `${server}/${repository}/${workflow}@${ref}`;
}

function extension(number: number, text: string | undefined): ExtensionRequest[] {
  if (text === undefined) return [];
  const value = rawNumbers.includes(number) ? utf8(text) : derUtf8String(text);
  return [{ oid: `${fulcioArc}.${number}`, value }];
}
