/** Who a signing certificate is for: its subject alternative name and Fulcio's extensions, by their names there. */
import {
  BytesError,
  type Der,
  contextTag,
  decodeUtf8,
  derTag,
  latin1,
  parseDer,
  primitiveContextTag,
} from '@vitrine/bytes';
import { type Certificate, extensionOid } from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { sigstoreError } from './error.ts';
import { type WorkflowUri, parseWorkflowUri } from './workflow-uri.ts';

/** As Fulcio wrote it down; undefined for what the certificate does not say. */
export interface Identity {
  /** The subject alternative name. */
  readonly subject: string;
  readonly subjectKind: 'uri' | 'email' | 'name';
  /** 1.8, or of old certificates 1.1. */
  readonly issuer: string | undefined;
  /** The subject, where it is a workflow of GitHub or a pipeline of GitLab. */
  readonly workflow: WorkflowUri | undefined;
  /** What the workflow ran on: 1.14, or of old certificates 1.6. "refs/tags/v1.0.0" */
  readonly ref: string | undefined;
  /** 1.2 */
  readonly githubWorkflowTrigger: string | undefined;
  /** 1.3 */
  readonly githubWorkflowSha: string | undefined;
  /** 1.4 */
  readonly githubWorkflowName: string | undefined;
  /** 1.5: "owner/name" */
  readonly githubWorkflowRepository: string | undefined;
  /** 1.6: "refs/tags/v1.0.0" */
  readonly githubWorkflowRef: string | undefined;
  /** 1.9 */
  readonly buildSignerUri: string | undefined;
  /** 1.10 */
  readonly buildSignerDigest: string | undefined;
  /** 1.11: "github-hosted" or "self-hosted" */
  readonly runnerEnvironment: string | undefined;
  /** 1.12: "https://github.com/owner/name" */
  readonly sourceRepositoryUri: string | undefined;
  /** 1.13: the commit */
  readonly sourceRepositoryDigest: string | undefined;
  /** 1.14: "refs/tags/v1.0.0" */
  readonly sourceRepositoryRef: string | undefined;
  /** 1.15: stays when the repository is renamed */
  readonly sourceRepositoryIdentifier: string | undefined;
  /** 1.16 */
  readonly sourceRepositoryOwnerUri: string | undefined;
  /** 1.17 */
  readonly sourceRepositoryOwnerIdentifier: string | undefined;
  /** 1.18 */
  readonly buildConfigUri: string | undefined;
  /** 1.19 */
  readonly buildConfigDigest: string | undefined;
  /** 1.20 */
  readonly buildTrigger: string | undefined;
  /** 1.21 */
  readonly runInvocationUri: string | undefined;
  /** 1.22 */
  readonly sourceRepositoryVisibilityAtSigning: string | undefined;
}

/** Fulcio's arc of object identifiers. */
export const fulcioArc = '1.3.6.1.4.1.57264.1';
/** Bare characters, as the first six were written. */
const rawNumbers = [1, 2, 3, 4, 5, 6];
const MAX_VALUE_BYTES = 4096;
const OTHER_NAME_OID = `${fulcioArc}.7`;
const EMAIL = primitiveContextTag(1);
const URI = primitiveContextTag(6);
const OTHER_NAME = contextTag(0);

/** @throws ProvenanceError CERT_IDENTITY_MALFORMED */
export function identityOf(certificate: Certificate): Identity {
  return refuseAs('CERT_IDENTITY_MALFORMED', () => {
    const { kind: subjectKind, value: subject } = readSubject(certificate);
    const read = (number: number) => readExtension(certificate, number);
    return {
      subject,
      subjectKind,
      issuer: read(8) ?? read(1),
      workflow: subjectKind === 'uri' ? parseWorkflowUri(subject) : undefined,
      ref: read(14) ?? read(6),
      githubWorkflowTrigger: read(2),
      githubWorkflowSha: read(3),
      githubWorkflowName: read(4),
      githubWorkflowRepository: read(5),
      githubWorkflowRef: read(6),
      buildSignerUri: read(9),
      buildSignerDigest: read(10),
      runnerEnvironment: read(11),
      sourceRepositoryUri: read(12),
      sourceRepositoryDigest: read(13),
      sourceRepositoryRef: read(14),
      sourceRepositoryIdentifier: read(15),
      sourceRepositoryOwnerUri: read(16),
      sourceRepositoryOwnerIdentifier: read(17),
      buildConfigUri: read(18),
      buildConfigDigest: read(19),
      buildTrigger: read(20),
      runInvocationUri: read(21),
      sourceRepositoryVisibilityAtSigning: read(22),
    };
  });
}

/** SubjectAltName with one name (RFC 5280 section 4.2.1.6). */
function readSubject({ extensions }: Certificate): { kind: Identity['subjectKind']; value: string } {
  const extension = extensions.get(extensionOid.subjectAltName);
  if (!extension) throw malformed('it has no subject alternative name');
  const [name, ...others] = parseDer(extension.value, 'subject alternative name').children(derTag.sequence);
  if (!name || others.length > 0)
    throw malformed(`expected one subject alternative name, found ${others.length + (name ? 1 : 0)}`);
  switch (name.tag) {
    case URI:
      return { kind: 'uri', value: ascii(name.contents) };
    case EMAIL:
      return { kind: 'email', value: ascii(name.contents) };
    case OTHER_NAME:
      return { kind: 'name', value: readOtherName(name) };
    default:
      throw malformed('its subject alternative name is of a kind that Fulcio does not issue');
  }
}

/** OtherName: a name that is neither URI nor address, such as a user name. */
function readOtherName(name: Der): string {
  const fields = name.fields(OTHER_NAME);
  if (fields.next().oid() !== OTHER_NAME_OID) throw malformed('its other name is not of Fulcio');
  const value = fields.next().only(contextTag(0)).expect(derTag.utf8String).text();
  fields.end();
  return value;
}

function readExtension({ extensions }: Certificate, number: number): string | undefined {
  const extension = extensions.get(`${fulcioArc}.${number}`);
  if (!extension) return undefined;
  if (extension.value.length > MAX_VALUE_BYTES)
    throw malformed(`the extension ${number} has more than ${MAX_VALUE_BYTES} bytes`);
  const what = `Fulcio extension ${number}`;
  const text = rawNumbers.includes(number)
    ? decodeUtf8(extension.value, what)
    : parseDer(extension.value, what).expect(derTag.utf8String).text();
  return requirePrintable(text, what);
}

function ascii(bytes: Uint8Array): string {
  if (bytes.length > MAX_VALUE_BYTES || bytes.some((byte) => byte >= 0x80))
    throw malformed('its subject alternative name is too long, or not ASCII');
  return requirePrintable(latin1(bytes), 'subject alternative name');
}

/** What is compared and shown to people has no line breaks or other controls in it. */
function requirePrintable(text: string, what: string): string {
  if (/\p{Cc}/u.test(text)) throw new BytesError('DER_INVALID', `${what}: it has control characters.`);
  return text;
}

function malformed(why: string) {
  return sigstoreError('CERT_IDENTITY_MALFORMED', `Signing certificate: ${why}.`);
}
