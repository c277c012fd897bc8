/** What the statement must say: about which artifact, and of which kind. */
import { toHex } from '@vitrine/bytes';
import { type Check, decided, failed, notChecked, passed } from '@vitrine/appraisal';
import { ProvenanceError } from '../error.ts';
import type { AuthenticBundle } from './authenticate.ts';
import { type Statement, type SubjectExpectation, inTotoPayloadType, requireSubject } from './statement.ts';

export interface StatementExpectation {
  /** The artifact's digest, and which of the subjects may have it. */
  readonly subject?: SubjectExpectation | undefined;
  /** Exactly one of them; an empty list allows none. Left out, the type is not checked. */
  readonly predicateTypes?: readonly string[] | undefined;
  /** `_type`, the same way. */
  readonly statementTypes?: readonly string[] | undefined;
  /** Exactly; default "application/vnd.in-toto+json". */
  readonly payloadType?: string | undefined;
}

const IN_TOTO = 'in-toto attestation framework, statement v1';

export function appraiseStatement(bundle: AuthenticBundle, expected: StatementExpectation): Check[] {
  const { content, statement } = bundle;
  return [
    payloadCheck(content, expected),
    subjectCheck(statement, expected),
    typeCheck(
      statement?.type,
      expected.statementTypes,
      'sigstore.statement.type',
      'IN_TOTO_STATEMENT_TYPE_NOT_ALLOWED',
    ),
    typeCheck(
      statement?.predicateType,
      expected.predicateTypes,
      'sigstore.statement.predicate-type',
      'PREDICATE_TYPE_NOT_ALLOWED',
    ),
  ];
}

function payloadCheck(content: AuthenticBundle['content'], expected: StatementExpectation): Check {
  const { payloadType = inTotoPayloadType } = expected;
  const found = content.kind === 'dsse' ? content.payloadType : 'an artifact without an envelope';
  const rule = {
    rule: 'sigstore.statement.payload-type',
    expected: payloadType,
    found,
    source: 'DSSE envelope v1.0.0',
  };
  return decided(content.kind === 'dsse' && found === payloadType, rule, 'PAYLOAD_TYPE_MISMATCH');
}

function subjectCheck(statement: Statement | undefined, { subject }: StatementExpectation): Check {
  const rule = {
    rule: 'sigstore.statement.subject',
    expected: subject ? toHex(subject.digest) : 'the digest of the artifact',
    source: IN_TOTO,
  };
  if (!subject) return notChecked(rule, 'no digest was given');
  if (!statement) return failed({ ...rule, found: 'no statement' }, 'SUBJECT_MISSING');
  try {
    const { name } = requireSubject(statement, subject);
    return passed({ ...rule, found: name === '' ? 'a subject without a name' : `subject ${name}` });
  } catch (error) {
    if (!(error instanceof ProvenanceError)) throw error;
    const { code, message } = error as ProvenanceError;
    return failed({ ...rule, found: message }, code);
  }
}

function typeCheck(
  found: string | undefined,
  allowed: readonly string[] | undefined,
  name: string,
  code: string,
): Check {
  const words = allowed?.join(' or ') ?? 'any';
  const rule = { rule: name, expected: words === '' ? 'none is allowed' : words, source: IN_TOTO };
  if (!allowed) return notChecked(rule, 'the policy names no type');
  const holds = found !== undefined && allowed.includes(found);
  return decided(holds, { ...rule, found: found ?? 'no statement' }, code);
}
