/**
 * Writes the built-in list of Certificate Transparency logs from Google's list of all logs (version 3 of its schema, from
 * https://www.gstatic.com/ct/log_list/v3/all_logs_list.json): the logs that can hold certificates of 2025 and later.
 * `node scripts/ct-log-list.ts all_logs_list.json`
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const FIRST_END = '2025-01-01T00:00:00Z';
const target = new URL('../packages/provenance/src/ct/built-in-log-data.ts', import.meta.url);

interface Log {
  readonly description: string;
  readonly temporal_interval?: { readonly end_exclusive: string };
  readonly state?: Readonly<Record<string, { readonly timestamp: string }>>;
}

interface Operator {
  readonly name: string;
  readonly logs?: readonly Log[];
  readonly tiled_logs?: readonly Log[];
}

interface List {
  readonly version: string;
  readonly log_list_timestamp: string;
  readonly operators: readonly Operator[];
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  process.stderr.write('usage: node scripts/ct-log-list.ts all_logs_list.json\n');
  process.exit(2);
}
const bytes = readFileSync(path);
writeFileSync(target, moduleOf(JSON.parse(bytes.toString('utf8')) as List, sha256(bytes)));

function moduleOf(list: List, digest: string): string {
  return [
    '/**',
    ` * Version ${list.version} of Google's list of all logs, of ${list.log_list_timestamp}, from www.gstatic.com/ct/log_list/v3/;`,
    ` * SHA-256 of the whole: ${digest}.`,
    ` * Left out: logs whose interval ends before ${FIRST_END.slice(0, 4)}, addresses of operators. Written by scripts/ct-log-list.ts.`,
    ' */',
    'export const builtInLogData = String.raw`',
    jsonOf(list),
    '`;',
    '',
  ].join('\n');
}

/** A line for each log. */
function jsonOf({ version, log_list_timestamp, operators }: List): string {
  const kept = operators.map(operatorOf).filter((operator) => operator !== undefined);
  const head = JSON.stringify({ version, log_list_timestamp }).slice(0, -1);
  return `${head},"operators":[\n${kept.join(',\n')}\n]}`;
}

function operatorOf({ name, logs = [], tiled_logs = [] }: Operator): string | undefined {
  const members = Object.entries({ logs, tiled_logs }).flatMap(([member, all]) => {
    const lines = all.filter(isOfToday).map(compact);
    return lines.length === 0 ? [] : [`"${member}":[\n${lines.join(',\n')}]`];
  });
  return members.length === 0 ? undefined : `{"name":${JSON.stringify(name)},${members.join(',')}}`;
}

function isOfToday({ temporal_interval: interval }: Log): boolean {
  return !interval || interval.end_exclusive > FIRST_END;
}

/** The state without the final tree head of a log that is read-only. */
function compact({ state, ...rest }: Log): string {
  const states = Object.entries(state ?? {}).map(([name, { timestamp }]) => [name, { timestamp }] as const);
  const text = JSON.stringify({ ...rest, ...(state ? { state: Object.fromEntries(states) } : {}) });
  if (/[`\\]|\$\{/.test(text)) throw new Error(`A template cannot hold ${text}`);
  return text;
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
