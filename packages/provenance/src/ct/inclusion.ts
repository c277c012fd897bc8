/**
 * Whether a log kept its promise: the certificate's entry is under a tree head that it signed. No network here: the
 * questions come out as URLs, the answers go in as bytes, until there is nothing left to ask.
 */
import { ByteReader, parseJson, toBase64 } from '@vitrine/bytes';
import { type Check, failed, notChecked, passed } from '@vitrine/appraisal';
import { ProvenanceError, refuseAs } from '../error.ts';
import { leafHash, verifyInclusionProof } from '../merkle.ts';
import type { AuthenticScts } from './authenticate.ts';
import { type CtErrorCode, ctError } from './error.ts';
import type { CtLog } from './log-list.ts';
import { type Sct, merkleTreeLeaf, precertEntry, x509Entry } from './sct.ts';
import { type Tile, fullTile, inclusionProofFromTiles, tilePath, tilesOfProof } from './tiles.ts';
import { type SignedTreeHead, authenticateTreeHead } from './tree-head.ts';

/** What a log promised to have in its tree. */
export interface InclusionTarget {
  readonly log: CtLog;
  readonly sct: Sct;
  /** 32 bytes, of the MerkleTreeLeaf (RFC 6962 section 3.4). */
  readonly leafHash: Uint8Array;
}

export interface InclusionRequest {
  readonly kind: 'tree-head' | 'proof' | 'tile';
  readonly url: string;
  /** Where the same hashes are, and more, if this one is gone. Its answer goes under its own URL. */
  readonly fallbackUrl?: string;
  /** No honest answer is longer. */
  readonly maxBytes: number;
}

/** Bytes by URL. */
export type InclusionAnswers = ReadonlyMap<string, Uint8Array>;

export interface Inclusion {
  readonly treeHead: SignedTreeHead;
  readonly index: bigint;
}

/** What came of one target. */
export type InclusionOutcome =
  | { readonly log: CtLog; readonly kind: 'included'; readonly inclusion: Inclusion }
  /** An answer contradicts the promise. */
  | { readonly log: CtLog; readonly kind: 'refused'; readonly error: ProvenanceError }
  | { readonly log: CtLog; readonly kind: 'not-checked'; readonly reason: string };

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_PROOF_BYTES = 64 * 1024;
const MAX_TILE_BYTES = 8192;
const MAX_AUDIT_PATH = 64;
const LEAF_INDEX = 0;
/**
 * No contradiction, and no proof: the log is within its time, or what came is no answer of a log at all, as a page of a
 * portal or half of a file are none. Whoever can send such a thing can as well send nothing.
 */
const undecided: readonly string[] = [
  'INCLUSION_NOT_YET_DUE',
  'TREE_HEAD_MALFORMED',
  'PROOF_MALFORMED',
  'TILE_MALFORMED',
] satisfies CtErrorCode[];

/** Of every timestamp that is valid, each log once. */
export async function inclusionTargets({ leaf, issuer, scts }: AuthenticScts): Promise<InclusionTarget[]> {
  const entries = {
    embedded: await precertEntry(leaf, issuer.subjectPublicKeyInfo),
    delivered: x509Entry(leaf),
  };
  const targets = scts.map(async ({ sct, origin, log, verdict, isRepeated }) =>
    log && verdict === 'valid' && !isRepeated
      ? [{ log, sct, leafHash: await leafHash(merkleTreeLeaf(sct, entries[origin])) }]
      : [],
  );
  return (await Promise.all(targets)).flat();
}

/**
 * What must still be fetched; nothing when `verifyInclusion` has all that it needs.
 * @param answers so far
 * @throws ProvenanceError as `verifyInclusion`, for answers that are refused on the way
 */
export async function inclusionRequests(
  target: InclusionTarget,
  answers: InclusionAnswers,
): Promise<InclusionRequest[]> {
  const head = treeHeadRequest(target.log);
  const headAnswer = answers.get(head.url);
  if (!headAnswer) return [head];
  return requestsUnder(await authenticateTreeHead(target.log, headAnswer), target, answers);
}

function requestsUnder(
  treeHead: SignedTreeHead,
  target: InclusionTarget,
  answers: InclusionAnswers,
): InclusionRequest[] {
  const requests =
    target.log.kind === 'static-ct'
      ? tilesOfProof(dueIndex(target, treeHead), treeHead.treeSize).map((tile) =>
          tileRequest(target.log, tile),
        )
      : proofRequests(target, treeHead);
  return requests.filter(({ url, fallbackUrl = url }) => !answers.has(url) && !answers.has(fallbackUrl));
}

/**
 * @throws ProvenanceError ANSWER_MISSING, TREE_HEAD_MALFORMED, TREE_HEAD_SIGNATURE_INVALID, PROOF_MALFORMED,
 *   TILE_MALFORMED, LEAF_INDEX_INVALID, INCLUSION_PROOF_INVALID, INCLUSION_OVERDUE, INCLUSION_NOT_YET_DUE
 */
export async function verifyInclusion(
  target: InclusionTarget,
  answers: InclusionAnswers,
): Promise<Inclusion> {
  const head = answerOf(answers, treeHeadRequest(target.log));
  return includedUnder(await authenticateTreeHead(target.log, head), target, answers);
}

async function includedUnder(
  treeHead: SignedTreeHead,
  target: InclusionTarget,
  answers: InclusionAnswers,
): Promise<Inclusion> {
  const { index, proof } =
    target.log.kind === 'static-ct'
      ? await readTiles(target, treeHead, answers)
      : readProof(target, treeHead, answers);
  const { leafHash: leaf } = target;
  await verifyInclusionProof(
    { leafHash: leaf, index, treeSize: treeHead.treeSize, proof },
    treeHead.rootHash,
  );
  return { treeHead, index };
}

/**
 * Asks until it knows.
 * @param fetch the bytes of an answer; undefined, or why not in words, where there are none
 */
export async function proveInclusion(
  target: InclusionTarget,
  fetch: (request: InclusionRequest) => Promise<Uint8Array | string | undefined>,
): Promise<InclusionOutcome> {
  const { log } = target;
  const answers = new Map<string, Uint8Array>();
  try {
    const head = treeHeadRequest(log);
    const noHead = await answer(head, answers, fetch);
    if (noHead !== undefined) return { log, kind: 'not-checked', reason: noHead };
    // Verified once for all that follows from it.
    const treeHead = await authenticateTreeHead(log, answerOf(answers, head));
    const requests = requestsUnder(treeHead, target, answers);
    const gaps = await Promise.all(requests.map((request) => answer(request, answers, fetch)));
    const gap = gaps.find((one) => one !== undefined);
    if (gap !== undefined) return { log, kind: 'not-checked', reason: gap };
    return { log, kind: 'included', inclusion: await includedUnder(treeHead, target, answers) };
  } catch (error) {
    if (!(error instanceof ProvenanceError)) throw error;
    const refusal = error as ProvenanceError;
    if (undecided.includes(refusal.code)) return { log, kind: 'not-checked', reason: refusal.message };
    return { log, kind: 'refused', error: refusal };
  }
}

/** @returns why there is no answer */
async function answer(
  request: InclusionRequest,
  answers: Map<string, Uint8Array>,
  fetch: (request: InclusionRequest) => Promise<Uint8Array | string | undefined>,
): Promise<string | undefined> {
  const found = await fetch(request);
  if (found instanceof Uint8Array) {
    answers.set(request.url, found);
    return undefined;
  }
  const { fallbackUrl, ...rest } = request;
  if (fallbackUrl !== undefined) return answer({ ...rest, url: fallbackUrl }, answers, fetch);
  return found ?? `no answer from ${request.url}`;
}

/**
 * Passes where enough logs proved it and none contradicts itself.
 * @param minimum logs that must have proved it; default 1
 */
export function appraiseInclusion(outcomes: readonly InclusionOutcome[], minimum = 1): Check {
  const rule = {
    rule: 'ct.inclusion',
    expected: `under a signed tree head of at least ${minimum} of the logs`,
    source: 'RFC 6962 sections 3.5 and 4.5, c2sp.org/static-ct-api',
  };
  const refused = outcomes.flatMap((outcome) => (outcome.kind === 'refused' ? [outcome] : []));
  if (refused[0])
    return failed(
      { ...rule, found: refused.map(({ log, error }) => `${log.description}: ${error.message}`).join('; ') },
      refused[0].error.code,
    );
  const included = outcomes.flatMap((outcome) => (outcome.kind === 'included' ? [outcome] : []));
  if (included.length >= minimum && included.length > 0)
    return passed({
      ...rule,
      found: included
        .map(
          ({ log, inclusion: { index, treeHead } }) =>
            `leaf ${index} of ${treeHead.treeSize} in ${log.description}`,
        )
        .join('; '),
    });
  const reasons = outcomes.flatMap((outcome) =>
    outcome.kind === 'not-checked' ? [`${outcome.log.description}: ${outcome.reason}`] : [],
  );
  return notChecked(rule, reasons.join('; ') || 'no log was asked');
}

function treeHeadRequest({ kind, url }: CtLog): InclusionRequest {
  const path = kind === 'static-ct' ? 'checkpoint' : 'ct/v1/get-sth';
  return { kind: 'tree-head', url: `${url}${path}`, maxBytes: MAX_HEAD_BYTES };
}

function proofRequests(target: InclusionTarget, treeHead: SignedTreeHead): InclusionRequest[] {
  if (treeHead.treeSize === 0n) throw notIncluded(target, treeHead, 'the tree has no leaves');
  const query = `hash=${encodeURIComponent(toBase64(target.leafHash))}&tree_size=${treeHead.treeSize}`;
  const url = `${target.log.url}ct/v1/get-proof-by-hash?${query}`;
  return [{ kind: 'proof', url, maxBytes: MAX_PROOF_BYTES }];
}

function tileRequest({ url }: CtLog, tile: Tile): InclusionRequest {
  const full = fullTile(tile);
  return {
    kind: 'tile',
    url: `${url}${tilePath(tile)}`,
    ...(tile.width === full.width ? {} : { fallbackUrl: `${url}${tilePath(full)}` }),
    maxBytes: MAX_TILE_BYTES,
  };
}

/** get-proof-by-hash (RFC 6962 section 4.5). */
function readProof(target: InclusionTarget, treeHead: SignedTreeHead, answers: InclusionAnswers) {
  const [request] = proofRequests(target, treeHead);
  const json = answerOf(answers, request!);
  return refuseAs('PROOF_MALFORMED', () => {
    const proof = parseJson(json, 'inclusion proof', { maxBytes: MAX_PROOF_BYTES });
    return {
      index: BigInt(proof.get('leaf_index').integer(0)),
      proof: proof
        .get('audit_path')
        .items(MAX_AUDIT_PATH)
        .map((hash) => hash.base64()),
    };
  });
}

async function readTiles(target: InclusionTarget, treeHead: SignedTreeHead, answers: InclusionAnswers) {
  const index = dueIndex(target, treeHead);
  const read = (tile: Tile) => answerOf(answers, tileRequest(target.log, tile));
  return { index, proof: await inclusionProofFromTiles(index, treeHead.treeSize, read) };
}

/** Where the entry is, which the tree must have reached. */
function dueIndex(target: InclusionTarget, treeHead: SignedTreeHead): bigint {
  const index = leafIndexOf(target.sct);
  if (index >= treeHead.treeSize)
    throw notIncluded(target, treeHead, `leaf ${index} is not among ${treeHead.treeSize}`);
  return index;
}

/** The log promised to have it within the maximum merge delay (RFC 6962 section 3). */
function notIncluded({ log, sct }: InclusionTarget, { timestampMs }: SignedTreeHead, why: string) {
  const isOverdue = timestampMs >= sct.timestampMs + log.mmdSeconds * 1000;
  const delay = `of ${log.mmdSeconds} seconds is ${isOverdue ? 'over' : 'not over'}`;
  return ctError(
    isOverdue ? 'INCLUSION_OVERDUE' : 'INCLUSION_NOT_YET_DUE',
    `${log.description}: ${why}, and the merge delay ${delay}.`,
  );
}

/**
 * CtExtensions of a static-ct log: a list in which leaf_index, 40 bits, occurs once.
 * @throws ProvenanceError LEAF_INDEX_INVALID
 */
export function leafIndexOf(sct: Sct): bigint {
  const indices = new Map<number, Uint8Array>();
  refuseAs('LEAF_INDEX_INVALID', () => {
    const reader = new ByteReader(sct.extensions, 'SCT extensions');
    while (reader.remaining > 0) {
      const type = reader.u8('extension type');
      const data = reader.take(reader.u16be('length of an extension'), 'extension');
      if (indices.has(type)) throw ctError('LEAF_INDEX_INVALID', `SCT extension ${type} occurs twice.`);
      indices.set(type, data);
    }
  });
  const index = indices.get(LEAF_INDEX);
  if (index?.length !== 5)
    throw ctError('LEAF_INDEX_INVALID', 'The SCT does not name its leaf index in 40 bits.');
  return index.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function answerOf(answers: InclusionAnswers, { url, fallbackUrl }: InclusionRequest): Uint8Array {
  const found = answers.get(url) ?? (fallbackUrl === undefined ? undefined : answers.get(fallbackUrl));
  if (!found) throw ctError('ANSWER_MISSING', `There is no answer from ${url}.`);
  return found;
}
