/** Who asks Fulcio for a certificate, and the extensions that it writes down (Fulcio, OID information). */
import { contextTag, primitiveContextTag, utf8 } from '@vitrine/bytes';
import { derElement, derOid, derSequence, derUtf8String } from '@vitrine/bytes/der-writer';
import { fulcioArc } from '@vitrine/provenance/sigstore';
import { extensionOid } from '@vitrine/x509';
import type { ExtensionRequest } from '../authority.ts';

export type SigningIdentity = WorkflowRun | Person;

/** A run of a workflow of GitHub Actions. */
export interface WorkflowRun {
  /** Default "https://token.actions.githubusercontent.com". */
  readonly issuer?: string;
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

export interface Person {
  readonly issuer: string;
  readonly kind: 'email' | 'uri' | 'name';
  readonly subject: string;
}

export const githubIssuer = 'https://token.actions.githubusercontent.com';

/** Bare characters instead of a UTF8String. */
const rawNumbers = [1, 2, 3, 4, 5, 6];
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
  const { kind, subject } = identity;
  if (kind !== 'name') return derElement(primitiveContextTag(kind === 'uri' ? 6 : 1), utf8(subject));
  return derElement(
    contextTag(0),
    derOid(`${fulcioArc}.7`),
    derElement(contextTag(0), derUtf8String(subject)),
  );
}

function numbered(identity: SigningIdentity): Readonly<Record<number, string | undefined>> {
  if (!('repository' in identity)) return { 1: identity.issuer, 8: identity.issuer };
  const { issuer = githubIssuer, repository, ref, runnerEnvironment = 'github-hosted' } = identity;
  const [owner = ''] = repository.split('/');
  const server = 'https://github.com';
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

function builderOf(run: WorkflowRun): string {
  return run.builder ?? workflowUri(run);
}

function workflowUri({ repository, workflow = '.github/workflows/release.yml', ref }: WorkflowRun): string {
  return `https://github.com/${repository}/${workflow}@${ref}`;
}

function extension(number: number, text: string | undefined): ExtensionRequest[] {
  if (text === undefined) return [];
  const value = rawNumbers.includes(number) ? utf8(text) : derUtf8String(text);
  return [{ oid: `${fulcioArc}.${number}`, value }];
}
