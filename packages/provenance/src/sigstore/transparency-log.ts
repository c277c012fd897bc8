/** Entries of the transparency log (Rekor): known log, matching body, promise signed, inclusion proven, tree signed. */
import { equalBytes, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { type Check, notChecked, passed } from '@vitrine/appraisal';
import { isSignedBy } from '@vitrine/x509';
import { ProvenanceError, refuseAsync } from '../error.ts';
import { leafHash, rootFromInclusionProof } from '../merkle.ts';
import { sigstoreError } from './error.ts';
import { type Logged, requireEntryMatches } from './log-body.ts';
import type { InclusionProof, LogEntry } from './log-entry.ts';
import { type LogKey, type TrustedLog, type TrustedRoot, isValidAt } from './trusted-root.ts';

/** An entry that verified. */
export interface VerifiedLogEntry {
  /** Hexadecimal. */
  readonly logId: string;
  readonly logUrl: string;
  readonly kind: string;
  readonly version: string;
  /** In the whole log; only a signed entry timestamp authenticates it. */
  readonly logIndex: bigint;
  /** Only where a signed entry timestamp covers it. */
  readonly integratedTime: Date | undefined;
  /** "promised": old bundles have a signed entry timestamp only. */
  readonly inclusion: 'proven' | 'promised';
  /** Of the checkpoint that inclusion was proven for. */
  readonly treeSize: bigint | undefined;
}

const SPECIFICATION = 'Sigstore client specification section 4.5';

/** @throws ProvenanceError TLOG_COUNT_OUT_OF_RANGE or LOG_ENTRY_DUPLICATE */
export function requireEntryCount(
  entries: readonly LogEntry[],
  { min, max }: { readonly min: number; readonly max: number },
): Check {
  if (entries.length < min || entries.length > max)
    throw sigstoreError(
      'TLOG_COUNT_OUT_OF_RANGE',
      `Expected ${min} to ${max} log entries, found ${entries.length}.`,
    );
  const places = new Set(
    entries.map(({ logId, logIndex, inclusionProof }) =>
      [toHex(logId), inclusionProof?.logIndex ?? logIndex, inclusionProof ? 'tree' : 'log'].join(),
    ),
  );
  if (places.size !== entries.length)
    throw sigstoreError('LOG_ENTRY_DUPLICATE', 'The bundle has the same log entry twice.');
  return passed({
    rule: 'sigstore.log.count',
    expected: `${min} to ${max} log entries`,
    found: `${entries.length}`,
    source: SPECIFICATION,
  });
}

/**
 * @throws ProvenanceError REKOR_KEY_NOT_TRUSTED, LOG_ENTRY_MALFORMED, LOG_ENTRY_MISMATCH, ARTIFACT_DIGEST_MISMATCH,
 *   SET_INVALID, REKOR_INCLUSION_INVALID, CHECKPOINT_INVALID or CHECKPOINT_ROOT_MISMATCH
 */
export async function requireLogged(
  entry: LogEntry,
  logged: Logged,
  observed: readonly Date[],
  root: TrustedRoot,
): Promise<{ readonly entry: VerifiedLogEntry; readonly checks: readonly Check[] }> {
  const { log, key } = logOf(entry, observed, root);
  await requireEntryMatches(entry, logged);
  const { inclusionProof } = entry;
  await Promise.all([
    requirePromise(entry, log, key),
    inclusionProof && requireInclusion(entry.canonicalizedBody, inclusionProof),
    inclusionProof && requireCheckpoint(inclusionProof, log, key),
  ]);
  return { entry: verifiedEntry(entry, log), checks: checksOf(entry, log) };
}

/** The log's key as of the entry's time; where the log says none, of every observed time. */
function logOf(
  { logId, integratedTime, inclusionPromise }: LogEntry,
  observed: readonly Date[],
  { tlogs }: TrustedRoot,
): { readonly log: TrustedLog; readonly key: LogKey } {
  const moments = integratedTime && inclusionPromise ? [integratedTime] : observed;
  const log = tlogs.find(
    (one) => equalBytes(one.logId, logId) && moments.every((time) => isValidAt(one.validFor, time)),
  );
  if (log?.key) return { log, key: log.key };
  throw sigstoreError(
    'REKOR_KEY_NOT_TRUSTED',
    `No log of the trusted root, valid at the time, has the identity ${toHex(logId)}.`,
  );
}

/** Signed entry timestamp: over the entry in canonical JSON (RFC 8785), as Rekor v1 returns it. */
async function requirePromise(entry: LogEntry, log: TrustedLog, key: LogKey): Promise<void> {
  const { canonicalizedBody, integratedTime, logIndex, inclusionPromise: signature } = entry;
  if (!signature) return;
  const seconds = integratedTime ? integratedTime.getTime() / 1000 : 0;
  const tbs = utf8(
    `{"body":"${toBase64(canonicalizedBody)}","integratedTime":${seconds},"logID":"${toHex(log.logId)}","logIndex":${logIndex.toString()}}`,
  );
  const { algorithm: signatureAlgorithm } = key;
  if (!(await refuseAsync('SET_INVALID', () => isSignedBy({ tbs, signatureAlgorithm, signature }, key))))
    throw sigstoreError('SET_INVALID', `The signed entry timestamp is not by the log ${log.baseUrl}.`);
}

/** The body is the leaf; the hashes beside the path lead to the root (RFC 6962 section 2.1.1, RFC 9162 section 2.1.3.2). */
async function requireInclusion(body: Uint8Array, proof: InclusionProof): Promise<void> {
  const { logIndex: index, treeSize, hashes, rootHash } = proof;
  const root = await rootOf(body, { index, treeSize, proof: hashes });
  if (!equalBytes(root, rootHash))
    throw sigstoreError(
      'REKOR_INCLUSION_INVALID',
      `The inclusion proof leads to the root ${toHex(root)}, expected ${toHex(rootHash)}.`,
    );
}

async function rootOf(
  body: Uint8Array,
  path: { readonly index: bigint; readonly treeSize: bigint; readonly proof: readonly Uint8Array[] },
): Promise<Uint8Array> {
  const leaf = await leafHash(body);
  try {
    return await rootFromInclusionProof({ leafHash: leaf, ...path });
  } catch (cause) {
    if (!(cause instanceof ProvenanceError)) throw cause;
    throw sigstoreError('REKOR_INCLUSION_INVALID', cause.message, { cause });
  }
}

/** The checkpoint is of the proof's tree, and signed by the log; its key hint begins the log's identity. */
async function requireCheckpoint(
  { checkpoint, treeSize, rootHash }: InclusionProof,
  { logId, baseUrl }: TrustedLog,
  key: LogKey,
): Promise<void> {
  if (checkpoint.treeSize !== treeSize || !equalBytes(checkpoint.rootHash, rootHash))
    throw sigstoreError(
      'CHECKPOINT_ROOT_MISMATCH',
      `The checkpoint is of a tree of ${checkpoint.treeSize.toString()} entries with the root ${toHex(checkpoint.rootHash)}, the inclusion proof of ${treeSize.toString()} with ${toHex(rootHash)}.`,
    );
  const { origin, note } = checkpoint;
  // Rekor v1 writes the number of the tree behind its name.
  const own = note.signatures.filter(
    ({ name, keyHint }) =>
      equalBytes(keyHint, logId.subarray(0, 4)) && (origin === name || origin.startsWith(`${name} - `)),
  );
  const { algorithm: signatureAlgorithm } = key;
  const isSigned = await refuseAsync('CHECKPOINT_INVALID', () =>
    Promise.all(
      own.map(({ signature }) => isSignedBy({ tbs: note.signedBytes, signatureAlgorithm, signature }, key)),
    ),
  );
  // One that the log did not sign under its own key hint is a forgery, whatever stands beside it.
  if (isSigned.length === 0 || isSigned.includes(false))
    throw sigstoreError('CHECKPOINT_INVALID', `The checkpoint is not signed by the log ${baseUrl}.`);
}

function verifiedEntry(entry: LogEntry, { baseUrl }: TrustedLog): VerifiedLogEntry {
  const { logId, kind, version, logIndex, integratedTime, inclusionPromise, inclusionProof } = entry;
  return {
    logId: toHex(logId),
    logUrl: baseUrl,
    kind,
    version,
    logIndex,
    integratedTime: inclusionPromise && integratedTime,
    inclusion: inclusionProof ? 'proven' : 'promised',
    treeSize: inclusionProof?.treeSize,
  };
}

function checksOf(
  { kind, version, inclusionPromise, inclusionProof }: LogEntry,
  { baseUrl }: TrustedLog,
): Check[] {
  const promise = {
    rule: 'sigstore.log.promise',
    expected: 'a signed entry timestamp by the log',
    source: SPECIFICATION,
  };
  const proof = {
    rule: 'sigstore.log.inclusion',
    expected: 'included in the tree of a checkpoint that the log signed',
    source: `RFC 9162 section 2.1.3, C2SP tlog-checkpoint, ${SPECIFICATION}`,
  };
  return [
    passed({
      rule: 'sigstore.log.entry',
      expected: 'the signature, what it is over and the key that made it, in a log of the trusted root',
      found: `${kind} ${version} in ${baseUrl}`,
      source: SPECIFICATION,
    }),
    inclusionPromise
      ? passed({ ...promise, found: `signed by ${baseUrl}` })
      : notChecked(promise, 'the log gives none: its inclusion proof stands for it'),
    inclusionProof
      ? passed({
          ...proof,
          found: `leaf ${inclusionProof.logIndex.toString()} of ${inclusionProof.treeSize.toString()}`,
        })
      : notChecked(proof, 'the bundle has none: the log only promised to include the entry'),
  ];
}
