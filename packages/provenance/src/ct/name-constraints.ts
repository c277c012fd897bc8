/** Name constraints of authorities (RFC 5280 section 4.2.1.10) over the names of the certificates below them. */
import {
  BytesError,
  type Der,
  contextTag,
  derTag,
  latin1,
  parseDer,
  primitiveContextTag,
} from '@vitrine/bytes';
import { type Certificate, formatName } from '@vitrine/x509';
import type { TlsCode } from './error.ts';
import { type SubjectNames, describeNames, generalNameForm, subjectNames } from './subject-names.ts';

export const nameConstraintsOid = '2.5.29.30';

interface Subtrees {
  /** Lower case; "example.com" is the name and all below, ".example.com" all below, "" every name. */
  readonly dns: readonly string[];
  /** Address and mask: 8 or 32 bytes. */
  readonly ip: readonly Uint8Array[];
  /** Context tag numbers of the forms that are not implemented. */
  readonly otherForms: readonly number[];
}

interface NameConstraints {
  readonly permitted: Subtrees;
  readonly excluded: Subtrees;
}

export interface ConstraintFailure {
  readonly code: TlsCode;
  readonly message: string;
}

const MAX_SUBTREES = 4096;

/**
 * The first constraint that a certificate of the path does not keep; undefined where all do. DNS names and addresses
 * are implemented; another form is refused where a certificate below has names of that form.
 * @param path the leaf first
 * @throws BytesError for an extension that is malformed
 */
export function violatedConstraint(path: readonly Certificate[]): ConstraintFailure | undefined {
  for (const [index, authority] of path.entries()) {
    const extension = authority.extensions.get(nameConstraintsOid);
    if (!extension) continue;
    const constraints = parseNameConstraints(extension.value);
    for (const certificate of path.slice(0, index)) {
      const failure = violation(constraints, certificate);
      if (failure)
        return {
          ...failure,
          message: `${formatName(authority.subject)}: ${failure.message}`,
        };
    }
  }
  return undefined;
}

function parseNameConstraints(value: Uint8Array): NameConstraints {
  const fields = parseDer(value, 'name constraints').fields(derTag.sequence);
  const permitted = fields.optional(contextTag(0));
  const excluded = fields.optional(contextTag(1));
  fields.end();
  return {
    permitted: parseSubtrees(permitted, contextTag(0)),
    excluded: parseSubtrees(excluded, contextTag(1)),
  };
}

function parseSubtrees(list: Der | undefined, tag: number): Subtrees {
  const subtrees = { dns: [] as string[], ip: [] as Uint8Array[], otherForms: [] as number[] };
  const elements = list?.children(tag) ?? [];
  if (elements.length > MAX_SUBTREES)
    throw new BytesError('TOO_LARGE', `name constraints: more than ${MAX_SUBTREES}.`);
  for (const element of elements) {
    const fields = element.fields(derTag.sequence);
    const base = fields.next();
    // minimum is 0, which DER leaves out, and maximum absent (RFC 5280 section 4.2.1.10).
    fields.end();
    if (base.tag === primitiveContextTag(generalNameForm.dNSName)) {
      subtrees.dns.push(dnsConstraint(base.contents));
    } else if (base.tag === primitiveContextTag(generalNameForm.iPAddress)) {
      if (base.contents.length !== 8 && base.contents.length !== 32)
        throw new BytesError('DER_INVALID', 'name constraints: an address range has neither 8 nor 32 bytes.');
      subtrees.ip.push(base.contents);
    } else {
      subtrees.otherForms.push(base.tag & 0x1f);
    }
  }
  return subtrees;
}

/** A name, or nothing. */
function dnsConstraint(bytes: Uint8Array): string {
  const text = latin1(bytes).toLowerCase();
  if (!/^\.?(?:[a-z0-9_-]+\.)*[a-z0-9_-]*$/.test(text))
    throw new BytesError('DER_INVALID', 'name constraints: a DNS name is none.');
  return text;
}

function violation(
  { permitted, excluded }: NameConstraints,
  certificate: Certificate,
): ConstraintFailure | undefined {
  const names = subjectNames(certificate);
  const unsupported = [...permitted.otherForms, ...excluded.otherForms].find((form) =>
    hasNamesOfForm(certificate, names, form),
  );
  if (unsupported !== undefined)
    return {
      code: 'TLS_NAME_CONSTRAINT_UNSUPPORTED',
      message: `constraints on names of form ${unsupported}, which ${formatName(certificate.subject)} has, are not implemented`,
    };
  const dns = names.dns.map((name) => name.toLowerCase().replace(/\.$/, ''));
  const isKept =
    (permitted.dns.length === 0 || dns.every((name) => permitted.dns.some((base) => isBelow(name, base)))) &&
    (permitted.ip.length === 0 ||
      names.ip.every((ip) => permitted.ip.some((range) => isInRange(ip, range)))) &&
    !dns.some((name) => excluded.dns.some((base) => couldBeBelow(name, base))) &&
    !names.ip.some((ip) => excluded.ip.some((range) => isInRange(ip, range)));
  if (isKept) return undefined;
  return {
    code: 'TLS_NAME_CONSTRAINT_VIOLATED',
    message: `it may not issue for ${describeNames(names)}`,
  };
}

/** A directory name constrains the subject itself. */
function hasNamesOfForm(certificate: Certificate, { otherForms }: SubjectNames, form: number): boolean {
  if (form === generalNameForm.directoryName && certificate.subject.attributes.length > 0) return true;
  return otherForms.includes(form);
}

function isBelow(name: string, base: string): boolean {
  if (base === '') return true;
  return base.startsWith('.') ? name.endsWith(base) : name === base || name.endsWith(`.${base}`);
}

/** Of a wildcard: whether a name that it stands for is below. */
function couldBeBelow(name: string, base: string): boolean {
  if (isBelow(name, base)) return true;
  if (!name.startsWith('*.')) return false;
  const parent = name.slice(2);
  const [, ...labels] = base.split('.');
  // "*.example.com" stands for "host.example.com", which may be the very base.
  return labels.join('.') === parent;
}

function isInRange(address: Uint8Array, range: Uint8Array): boolean {
  if (range.length !== address.length * 2) return false;
  return address.every((byte, at) => {
    const mask = range[address.length + at]!;
    return (byte & mask) === (range[at]! & mask);
  });
}
