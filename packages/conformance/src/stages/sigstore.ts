/** `verify-sigstore`: a bundle under a trusted root, by a policy, and the measurement that its statement signs. */
import { BytesError, type JsonNode, type JsonValue, toHex } from '@vitrine/bytes';
import { parseRegisterSet, predicateType } from '@vitrine/measure/predicate';
import {
  type AuthenticBundle,
  type Identity,
  type SigstoreErrorCode,
  type SigstoreRequirements,
  type Statement,
  type WorkflowPolicy,
  appraiseIdentity,
  authenticateBundle,
  parseSigstoreBundle,
  parseStatement,
  parseTrustedRoot,
} from '@vitrine/provenance/sigstore';
import { rejecting } from '../rejecting.ts';
import { MalformedInput, Rejection, type Stage } from '../stage.ts';

/** The contract's names for codes that it does not have. */
const contractCodes: Partial<Record<SigstoreErrorCode, string>> = {
  BUNDLE_VERSION_UNSUPPORTED: 'BUNDLE_MALFORMED',
  KEY_REQUIRED: 'BUNDLE_MALFORMED',
  CERT_IDENTITY_MALFORMED: 'BUNDLE_MALFORMED',
  STATEMENT_MALFORMED: 'BUNDLE_MALFORMED',
  TIMESTAMP_INVALID: 'OBSERVER_TIMESTAMP_INSUFFICIENT',
  TIMESTAMP_AUTHORITY_UNTRUSTED: 'OBSERVER_TIMESTAMP_INSUFFICIENT',
  TIME_IN_FUTURE: 'OBSERVER_TIMESTAMP_INSUFFICIENT',
  CERT_NOT_YET_VALID: 'CERT_EXPIRED',
  CERT_USAGE_INVALID: 'FULCIO_CHAIN_INVALID',
  SCT_INVALID: 'SCT_INSUFFICIENT',
  LOG_ENTRY_DUPLICATE: 'TLOG_COUNT_OUT_OF_RANGE',
  LOG_ENTRY_MALFORMED: 'REKOR_INCLUSION_INVALID',
  LOG_ENTRY_MISMATCH: 'REKOR_INCLUSION_INVALID',
  SET_INVALID: 'REKOR_INCLUSION_INVALID',
  CHECKPOINT_INVALID: 'REKOR_INCLUSION_INVALID',
};
/** The same for rules of a policy. */
const contractRules: Readonly<Record<string, string>> = {
  WORKFLOW_BUILDER_MISMATCH: 'WORKFLOW_REPOSITORY_MISMATCH',
  IDENTITY_INCONSISTENT: 'WORKFLOW_REF_PREFIX_MISMATCH',
};

export const verifySigstore: Stage = async (input) => {
  const { bundleBytes, rootBytes, digest, policy, now } = readInput(input);
  const bundle = await rejecting(() => parseSigstoreBundle(bundleBytes), contractCodes);
  // Of the contract: the older place of the certificate could hold authorities.
  if (bundle.signer.kind !== 'certificate' || bundle.signer.layout !== 'certificate')
    throw new Rejection('BUNDLE_MALFORMED', 'Expected one signing certificate, as version 0.3 has it.');
  if (bundle.content.kind !== 'dsse')
    throw new Rejection('BUNDLE_MALFORMED', 'Expected a DSSE envelope, found the signature of an artifact.');
  const trustedRoot = await rejecting(() => parseTrustedRoot(rootBytes), contractCodes);
  const authentic = await rejecting(
    () => authenticateBundle({ bundle, trustedRoot, now, requirements: policy.requirements }),
    contractCodes,
  );
  requireAcceptable(authentic, digest, policy);
  const statement = await rejecting(() => readStatement(authentic), contractCodes);
  return {
    ...statementOutputs(statement, digest),
    ...certificateOutputs(authentic),
    ...logOutputs(authentic),
  };
};

interface Policy {
  readonly identity: WorkflowPolicy;
  readonly payloadType: string;
  readonly predicateTypes: readonly string[] | undefined;
  readonly statementTypes: readonly string[] | undefined;
  readonly requirements: SigstoreRequirements;
}

function readInput(input: JsonNode) {
  input.onlyNames(
    'schema_version',
    'bundle_b64',
    'expected_digest_sha256_hex',
    'repo',
    'policy',
    'trust_root_b64',
    'verification_time_unix',
  );
  const repository = input.get('repo').string();
  if (!/^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/.test(repository))
    throw new MalformedInput(`"${repository.slice(0, 60)}" is no owner/repository.`);
  return {
    bundleBytes: input.get('bundle_b64').base64(),
    rootBytes: input.get('trust_root_b64').base64(),
    digest: input.get('expected_digest_sha256_hex').hex(32),
    policy: readPolicy(input.get('policy'), repository),
    now: new Date(input.get('verification_time_unix').integer(0, 253_402_300_799) * 1000),
  };
}

function readPolicy(policy: JsonNode, repository: string): Policy {
  policy.onlyNames(
    'oidc_issuer',
    'workflow_ref_prefix',
    'predicate_types_allowed',
    'in_toto_statement_types_allowed',
    'payload_type',
    'tlog_entries_min',
    'tlog_entries_max',
    'sct_min',
    'observer_timestamps_min',
  );
  const count = (name: string) => policy.optional(name)?.integer(0) ?? 1;
  const max = policy.optional('tlog_entries_max');
  return {
    identity: {
      issuer: policy.get('oidc_issuer').string(),
      repository,
      ref: { prefix: policy.get('workflow_ref_prefix').string() },
    },
    payloadType: policy.get('payload_type').string(),
    predicateTypes: readTypes(policy, 'predicate_types_allowed'),
    statementTypes: readTypes(policy, 'in_toto_statement_types_allowed'),
    requirements: {
      tlogEntriesMin: count('tlog_entries_min'),
      tlogEntriesMax: max && !max.isNull() ? max.integer(0) : undefined,
      sctsMin: count('sct_min'),
      observerTimestampsMin: count('observer_timestamps_min'),
    },
  };
}

/** Null, like nothing, allows any; an empty list none. */
function readTypes(policy: JsonNode, name: string): string[] | undefined {
  const list = policy.optional(name);
  return !list || list.isNull() ? undefined : list.items().map((type) => type.string());
}

/** The first rule that fails; of the contract only the first subject counts. */
function requireAcceptable(bundle: AuthenticBundle, digest: Uint8Array, policy: Policy): void {
  const { payloadType, predicateTypes, statementTypes } = policy;
  const checks = appraiseIdentity(bundle, policy.identity, {
    subject: { digest, which: 'first' },
    payloadType,
    predicateTypes,
    statementTypes,
  });
  const failure = checks.find(({ outcome }) => outcome === 'fail');
  if (!failure) return;
  const { code = '', rule, expected, found } = failure;
  const name = Object.hasOwn(contractRules, code) ? contractRules[code]! : code;
  throw new Rejection(name, `${rule}: expected ${expected}, found ${found}.`);
}

/** A policy may demand another payload type; what it holds is a statement all the same. */
function readStatement({ statement, payload }: AuthenticBundle): Statement {
  return statement ?? parseStatement(payload!);
}

function statementOutputs(statement: Statement, digest: Uint8Array): Record<string, JsonValue> {
  const measurement = readMeasurement(statement);
  return {
    predicate_type: statement.predicateType,
    in_toto_statement_type: statement.type,
    subject_name: statement.subject[0]?.name ?? '',
    subject_digest_sha256_hex: toHex(digest),
    ...(measurement ? { measurement } : {}),
  };
}

/** Of the predicate types that are known; others sign what they sign. */
function readMeasurement({ predicateType: type, predicate }: Statement): JsonValue | undefined {
  if (type !== predicateType.multiPlatform) return undefined;
  try {
    if (!predicate) throw new BytesError('JSON_SHAPE', 'The statement has no predicate.');
    const tdx = predicate.get('tdx_measurement');
    const registers = [predicate.get('snp_measurement'), tdx.get('rtmr1'), tdx.get('rtmr2')];
    return {
      ...parseRegisterSet(
        type,
        registers.map((register) => toHex(register.hex(48))),
      ),
    };
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    throw new Rejection('PREDICATE_MEASUREMENT_INVALID', cause.message, { cause });
  }
}

function certificateOutputs({ identity }: AuthenticBundle): Record<string, JsonValue> {
  if (!identity) return {};
  const { issuer = '', ref = '', buildSignerUri = '' } = identity;
  return {
    cert_oidc_issuer: issuer,
    cert_workflow_ref: ref,
    cert_workflow_repository: repositoryOf(identity),
    cert_workflow_signer_uri: buildSignerUri,
  };
}

function repositoryOf({ githubWorkflowRepository, sourceRepositoryUri = '' }: Identity): string {
  return githubWorkflowRepository ?? sourceRepositoryUri.replace(/^https:\/\/github\.com\//, '');
}

function logOutputs({ logEntries, scts }: AuthenticBundle): Record<string, JsonValue> {
  const [first] = logEntries;
  return {
    ...(first ? { rekor_log_id_hex: first.logId } : {}),
    ...(first?.integratedTime ? { rekor_integrated_time_unix: first.integratedTime.getTime() / 1000 } : {}),
    tlog_entry_count: logEntries.length,
    sct_count: scts.length,
  };
}
