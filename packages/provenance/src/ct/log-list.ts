/** Which logs are known, by whom they are run and whether they count: Google's log list, version 3 of its schema. */
import { BytesError, type JsonNode, equalBytes, parseDer, parseJson, sha256, toHex } from '@vitrine/bytes';
import { type VerificationKey, describeKey, parsePublicKey } from '@vitrine/x509';
import { refuseAs } from '../error.ts';

/** RFC 6962 logs answer questions, static-ct logs are files (c2sp.org/static-ct-api). Their timestamps are the same. */
export type LogKind = 'rfc6962' | 'static-ct';

export const logStates = ['pending', 'qualified', 'usable', 'readonly', 'retired', 'rejected'] as const;
export type LogStateName = (typeof logStates)[number];

export interface LogState {
  readonly name: LogStateName;
  /** When the log entered it. What it was before, the list does not say. */
  readonly since: Date;
}

export interface CtLog {
  readonly kind: LogKind;
  readonly description: string;
  /** Who runs it now; `operatorAt` says who did. */
  readonly operator: string;
  /** The earliest to end first. */
  readonly previousOperators: readonly { readonly name: string; readonly end: Date }[];
  /** 32 bytes: SHA-256 of the key. */
  readonly logId: Uint8Array;
  readonly key: VerificationKey;
  /** Where it is read, with a slash at the end: `url`, of a static-ct log `monitoring_url`. */
  readonly url: string;
  /** Where certificates are submitted, with a slash at the end: `url` again, or `submission_url`. */
  readonly submissionUrl: string;
  /** Maximum merge delay: so long may an entry be outside the tree. */
  readonly mmdSeconds: number;
  /** Undefined for logs that no program ever considered, such as those for tests. */
  readonly state: LogState | undefined;
  /** Certificates whose notAfter is in [start, end) are taken; undefined for all. */
  readonly temporalInterval: { readonly start: Date; readonly end: Date } | undefined;
}

/** A log that is in the list and cannot be used: nothing of it counts. */
export interface SkippedLog {
  readonly description: string;
  readonly operator: string;
  readonly reason: string;
}

export interface LogList {
  /** "53.34" */
  readonly version: string;
  /** `log_list_timestamp`. */
  readonly timestamp: Date;
  readonly logs: readonly CtLog[];
  readonly skipped: readonly SkippedLog[];
  /** It came with this program; false for one that the caller brought. */
  readonly isBuiltIn: boolean;
}

const MAX_OPERATORS = 256;
const MAX_LOGS_OF_OPERATOR = 1024;
const MAX_PREVIOUS_OPERATORS = 16;
const MAX_MMD_SECONDS = 366 * 24 * 3600;

/**
 * Reads `logs` and `tiled_logs`. The list's own signature is not looked at: whoever passes it on vouches for it.
 * @param json bytes of `log_list.json` or `all_logs_list.json`
 * @throws ProvenanceError LOG_LIST_MALFORMED
 */
export async function parseLogList(json: Uint8Array): Promise<LogList> {
  return parseVouchedLogList(json, false);
}

/** For the built-in list, which is read in the same way. */
export async function parseVouchedLogList(json: Uint8Array, isBuiltIn: boolean): Promise<LogList> {
  const { version, timestamp, entries } = refuseAs('LOG_LIST_MALFORMED', () => readList(json));
  const read = await Promise.all(entries.map(readEntry));
  const logs: CtLog[] = [];
  const skipped: SkippedLog[] = [];
  const known = new Set<string>();
  for (const one of read) {
    if ('reason' in one) {
      skipped.push(one);
    } else if (known.has(toHex(one.logId))) {
      const { description, operator } = one;
      skipped.push({ description, operator, reason: 'its log id occurs a second time' });
    } else {
      known.add(toHex(one.logId));
      logs.push(one);
    }
  }
  return { version, timestamp, logs, skipped, isBuiltIn };
}

interface Entry {
  readonly node: JsonNode;
  readonly kind: LogKind;
  readonly operator: string;
}

function readList(json: Uint8Array) {
  const list = parseJson(json, 'log list');
  const entries = list
    .get('operators')
    .items(MAX_OPERATORS)
    .flatMap((operator): Entry[] => {
      const name = operator.get('name').string();
      const entriesOf = (member: string, kind: LogKind): Entry[] =>
        (operator.optional(member)?.items(MAX_LOGS_OF_OPERATOR) ?? []).map((node) => ({
          node,
          kind,
          operator: name,
        }));
      return [...entriesOf('logs', 'rfc6962'), ...entriesOf('tiled_logs', 'static-ct')];
    });
  return {
    version: list.get('version').string(),
    timestamp: list.get('log_list_timestamp').time(),
    entries,
  };
}

async function readEntry({ node, kind, operator }: Entry): Promise<CtLog | SkippedLog> {
  const description = describe(node);
  try {
    return await readLog(node, kind, operator, description);
  } catch (cause) {
    if (!(cause instanceof BytesError || cause instanceof RangeError)) throw cause;
    return { description, operator, reason: cause.message };
  }
}

function describe(node: JsonNode): string {
  const member = node.kind === 'object' ? node.optional('description') : undefined;
  return member?.kind === 'string' ? member.string() : node.path;
}

/** @throws BytesError or RangeError: this log is skipped */
async function readLog(node: JsonNode, kind: LogKind, operator: string, description: string): Promise<CtLog> {
  const key = readKey(node.get('key'));
  const logId = await sha256(key.subjectPublicKeyInfo);
  if (!equalBytes(node.get('log_id').base64(), logId))
    throw new RangeError('its log id is not the SHA-256 of its key');
  const isStatic = kind === 'static-ct';
  return {
    kind,
    description,
    operator,
    previousOperators: readPreviousOperators(node.optional('previous_operators')),
    logId,
    key,
    url: readUrl(node.get(isStatic ? 'monitoring_url' : 'url')),
    submissionUrl: readUrl(node.get(isStatic ? 'submission_url' : 'url')),
    mmdSeconds: node.get('mmd').integer(1, MAX_MMD_SECONDS),
    state: readState(node.optional('state')),
    temporalInterval: readInterval(node.optional('temporal_interval')),
  };
}

function readKey(node: JsonNode): VerificationKey {
  const subjectPublicKeyInfo = node.base64();
  const publicKey = parsePublicKey(parseDer(subjectPublicKeyInfo, node.path));
  // RFC 6962 section 2.1.4: P-256, or RSA of 2048 bits and more.
  const isUsable =
    (publicKey.kind === 'ec' && publicKey.curve === 'P-256') ||
    (publicKey.kind === 'rsa' && publicKey.modulusBits >= 2048);
  if (!isUsable) throw new RangeError(`its key is of kind ${describeKey(publicKey)}, which logs do not have`);
  return { subjectPublicKeyInfo, publicKey };
}

function readUrl(node: JsonNode): string {
  const url = node.string();
  if (!/^https?:\/\/[!-~]+$/.test(url) || /[?#]/.test(url)) throw new RangeError('its address is no URL');
  return url.endsWith('/') ? url : `${url}/`;
}

function readState(node: JsonNode | undefined): LogState | undefined {
  if (!node) return undefined;
  const [name, ...others] = node.names();
  const known = logStates.find((state) => state === name);
  if (!known || others.length > 0) throw new RangeError('its state is not one of those that are known');
  return { name: known, since: node.get(known).get('timestamp').time() };
}

function readInterval(node: JsonNode | undefined): CtLog['temporalInterval'] {
  if (!node) return undefined;
  const start = node.get('start_inclusive').time();
  const end = node.get('end_exclusive').time();
  if (!(start < end)) throw new RangeError('its temporal interval is empty');
  return { start, end };
}

function readPreviousOperators(node: JsonNode | undefined): CtLog['previousOperators'] {
  const operators = (node?.items(MAX_PREVIOUS_OPERATORS) ?? []).map((item) => ({
    name: item.get('name').string(),
    end: item.get('end_time').time(),
  }));
  return operators.sort((a, b) => a.end.getTime() - b.end.getTime());
}

/** Undefined where the list does not have it. */
export function findLog(list: LogList, logId: Uint8Array): CtLog | undefined {
  return list.logs.find((log) => equalBytes(log.logId, logId));
}

/** Who ran the log then, as far as the list says. */
export function operatorAt(log: CtLog, at: Date): string {
  return log.previousOperators.find(({ end }) => at < end)?.name ?? log.operator;
}
