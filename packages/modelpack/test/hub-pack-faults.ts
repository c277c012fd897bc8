/** How a Hub can misbehave, and what a packer must make of it. */
import type { HubPackOptions } from '../src/pack-hub.ts';
import { type Files, RANGE_BYTES, contentOf } from './hub-pack-model.ts';
import type { Fault, FaultAction, RepoOptions } from './hub-server.ts';

export const GIT = 'config.json';
export const LFS = 'weights/model.safetensors';
export const FILES: Files = {
  [GIT]: '{"a":1}\n',
  'empty.txt': '',
  [LFS]: contentOf('model', RANGE_BYTES + 1),
  'weights/small.bin': contentOf('small', 5000),
};
export const REPO: RepoOptions = {
  name: 'acme/tiny',
  files: FILES,
  storage: { [LFS]: 'xet', 'weights/small.bin': 'lfs' },
};

export interface Misbehaviour {
  readonly what: string;
  readonly faults: readonly Fault[];
  readonly code: string;
  readonly status: 1 | 2 | 3;
  /** The message must name it: for whatever is wrong with one file. */
  readonly file?: string;
  readonly options?: Partial<HubPackOptions['hub']>;
}

export const git = (action: FaultAction): Fault[] => [{ on: 'resolve-cache', path: GIT, do: action }];
const lfs = (action: FaultAction): Fault[] => [{ on: 'download', path: LFS, do: action }];
const listed = (path: string, fields: Record<string, unknown>): Fault[] => [
  { on: 'tree', do: { kind: 'listing', patch: { [path]: fields } } },
];
export const added = (...entries: unknown[]): Fault[] => [
  { on: 'tree', do: { kind: 'listing', append: entries } },
];
export const status = (code: number, headers: Record<string, string> = {}): FaultAction => ({
  kind: 'status',
  status: code,
  headers,
});
export const file = (path: string): object => ({ type: 'file', oid: 'a'.repeat(40), size: 1, path });
const wrongHash = 'b'.repeat(64);

/** What is wrong with a file: the message names it, and what was left must not harm the next run. */
export const contents: Misbehaviour[] = [
  {
    what: 'one wrong bit in a git file',
    faults: git({ kind: 'flip-byte', atByte: 3 }),
    code: 'CONTENT_MISMATCH',
    status: 1,
    file: GIT,
  },
  {
    what: 'one wrong bit at the start of a large file',
    faults: lfs({ kind: 'flip-byte', atByte: 0 }),
    code: 'CONTENT_MISMATCH',
    status: 1,
    file: LFS,
  },
  {
    what: 'one wrong bit in the last byte of a large file',
    faults: lfs({ kind: 'flip-byte', atByte: RANGE_BYTES }),
    code: 'CONTENT_MISMATCH',
    status: 1,
    file: LFS,
  },
  {
    what: 'a wrong LFS hash in the listing',
    faults: listed(LFS, { lfs: { oid: wrongHash, size: RANGE_BYTES + 1, pointerSize: 130 } }),
    code: 'CONTENT_MISMATCH',
    status: 1,
    file: LFS,
  },
  {
    what: 'a wrong git object id in the listing',
    faults: listed(GIT, { oid: 'c'.repeat(40) }),
    code: 'CONTENT_MISMATCH',
    status: 1,
    file: GIT,
  },
  {
    what: 'a git file listed as empty',
    faults: listed(GIT, { size: 0 }),
    code: 'CONTENT_MISMATCH',
    status: 1,
    file: GIT,
  },
  {
    what: 'an empty file with the hash of another',
    faults: listed('empty.txt', { oid: 'd'.repeat(40) }),
    code: 'CONTENT_MISMATCH',
    status: 1,
    file: 'empty.txt',
  },
  {
    what: 'a listed size that is too small',
    faults: listed(GIT, { size: 7 }),
    code: 'SIZE_MISMATCH',
    status: 3,
    file: GIT,
  },
  {
    what: 'a listed size that is too large',
    faults: listed(GIT, { size: 9 }),
    code: 'RANGE_INVALID',
    status: 3,
    file: GIT,
  },
  {
    what: 'two sizes for one file in the listing',
    faults: listed(LFS, { size: 5 }),
    code: 'SIZE_MISMATCH',
    status: 3,
    file: LFS,
  },
  {
    what: 'bodies that end early',
    faults: lfs({ kind: 'short-body', missingBytes: RANGE_BYTES }),
    code: 'SIZE_MISMATCH',
    status: 3,
    file: LFS,
  },
  {
    what: 'bodies that are too long',
    faults: lfs({ kind: 'long-body', extraBytes: 1 }),
    code: 'SIZE_MISMATCH',
    status: 3,
    file: LFS,
  },
  {
    what: 'ranges that are ignored',
    faults: lfs({ kind: 'ignore-range' }),
    code: 'RANGE_INVALID',
    status: 3,
    file: LFS,
  },
  {
    what: 'other ranges than asked for',
    faults: lfs({ kind: 'headers', set: { 'content-range': `bytes 1-8/${RANGE_BYTES + 1}` } }),
    code: 'RANGE_INVALID',
    status: 3,
    file: LFS,
  },
  {
    what: 'a web page instead of a file',
    faults: lfs({ kind: 'html' }),
    code: 'NOT_JSON',
    status: 3,
    file: LFS,
  },
  {
    what: 'compressed content',
    faults: git({ kind: 'gzip' }),
    code: 'ENCODING_REFUSED',
    status: 3,
    file: GIT,
  },
  {
    what: 'another commit than asked for',
    faults: [{ on: 'resolve', path: LFS, do: { kind: 'headers', set: { 'x-repo-commit': 'e'.repeat(40) } } }],
    code: 'RESPONSE_INVALID',
    status: 3,
    file: LFS,
  },
  {
    what: 'a file that is listed and not there',
    faults: added(file('ghost.bin')),
    code: 'FILE_NOT_FOUND',
    status: 3,
    file: 'ghost.bin',
  },
  {
    what: 'a redirect to a file of this machine',
    faults: [{ on: 'resolve', path: LFS, do: { kind: 'redirect', location: 'file:///etc/passwd' } }],
    code: 'REDIRECT_REFUSED',
    status: 3,
  },
  {
    what: 'redirects without end',
    faults: [{ on: 'resolve', path: LFS, do: { kind: 'redirect-loop' } }],
    code: 'REDIRECT_REFUSED',
    status: 3,
  },
  {
    what: 'a redirect to nobody',
    faults: [{ on: 'resolve', path: LFS, do: { kind: 'redirect', location: 'http://127.0.0.1:9/x' } }],
    code: 'CONNECTION_FAILED',
    status: 3,
  },
  {
    what: 'connections cut before the answer',
    faults: lfs({ kind: 'cut' }),
    code: 'CONNECTION_FAILED',
    status: 3,
    file: LFS,
  },
  {
    what: 'connections cut again and again at the first byte',
    faults: lfs({ kind: 'cut', afterBytes: 0 }),
    code: 'CONNECTION_FAILED',
    status: 3,
    file: LFS,
  },
  {
    what: 'a download host that says nothing',
    faults: lfs({ kind: 'stall' }),
    code: 'TIMEOUT',
    status: 3,
    file: LFS,
    options: { idleTimeoutMs: 400 },
  },
  {
    what: 'a download host that says 403 to every link',
    faults: lfs(status(403)),
    code: 'FORBIDDEN',
    status: 3,
    file: LFS,
  },
  {
    what: 'a download host that fails',
    faults: lfs(status(503)),
    code: 'SERVER_ERROR',
    status: 3,
    file: LFS,
  },
  {
    what: 'a gated repository',
    faults: [{ on: 'resolve', do: status(403, { 'x-error-code': 'GatedRepo' }) }],
    code: 'FORBIDDEN',
    status: 3,
  },
];

/** What is wrong before the first file. */
export const metadata: Misbehaviour[] = [
  { what: '401', faults: [{ on: 'revision', do: status(401) }], code: 'UNAUTHORIZED', status: 3 },
  { what: '403', faults: [{ on: 'revision', do: status(403) }], code: 'FORBIDDEN', status: 3 },
  { what: '404', faults: [{ on: 'revision', do: status(404) }], code: 'REPO_NOT_FOUND', status: 3 },
  {
    what: '429 for longer than anyone waits',
    faults: [{ on: 'tree', do: status(429, { 'retry-after': '1' }) }],
    code: 'RATE_LIMITED',
    status: 3,
  },
  { what: '500', faults: [{ on: 'revision', do: status(500) }], code: 'SERVER_ERROR', status: 3 },
  { what: '418', faults: [{ on: 'revision', do: status(418) }], code: 'UNEXPECTED_STATUS', status: 3 },
  {
    what: 'no answer to anything',
    faults: [{ on: 'revision', do: { kind: 'stall' } }],
    code: 'TIMEOUT',
    status: 3,
    options: { idleTimeoutMs: 400 },
  },
  {
    what: 'a connection cut within the listing',
    faults: [{ on: 'tree', do: { kind: 'cut', afterBytes: 20 } }],
    code: 'CONNECTION_FAILED',
    status: 3,
  },
  {
    what: 'a web page instead of the revision',
    faults: [{ on: 'revision', do: { kind: 'html' } }],
    code: 'NOT_JSON',
    status: 3,
  },
  {
    what: 'a web page instead of the listing',
    faults: [{ on: 'tree', do: { kind: 'html' } }],
    code: 'NOT_JSON',
    status: 3,
  },
  {
    what: 'truncated JSON',
    faults: [{ on: 'tree', do: { kind: 'json', body: '[{"type":"file","pa' } }],
    code: 'RESPONSE_INVALID',
    status: 3,
  },
  {
    what: 'JSON that is no listing',
    faults: [{ on: 'tree', do: { kind: 'json', body: '{"files":[]}' } }],
    code: 'RESPONSE_INVALID',
    status: 3,
  },
  {
    what: 'a commit that is none',
    faults: [{ on: 'revision', do: { kind: 'json', body: '{"sha":"../../etc"}' } }],
    code: 'RESPONSE_INVALID',
    status: 3,
  },
  {
    what: 'bytes that are not UTF-8',
    faults: [{ on: 'tree', do: { kind: 'json', body: { base64: '//79' } } }],
    code: 'RESPONSE_INVALID',
    status: 3,
  },
  {
    what: 'more JSON than any repository needs',
    faults: [{ on: 'revision', do: { kind: 'huge-json', sizeBytes: 33 * 2 ** 20 } }],
    code: 'RESPONSE_TOO_LARGE',
    status: 3,
  },
  {
    what: 'pages that lead back to themselves',
    faults: [{ on: 'tree', do: { kind: 'endless-pages', repeat: true } }],
    code: 'LISTING_INVALID',
    status: 3,
  },
  {
    what: 'a path that climbs out',
    faults: added(file('../../evil')),
    code: 'PATH_INVALID',
    status: 3,
    file: '../../evil',
  },
  {
    what: 'an absolute path',
    faults: added(file('/etc/cron.d/evil')),
    code: 'PATH_INVALID',
    status: 3,
    file: '/etc/cron.d/evil',
  },
  {
    what: 'a path with a dot for a name',
    faults: added(file('a/./b')),
    code: 'PATH_INVALID',
    status: 3,
    file: 'a/./b',
  },
  { what: 'a path with NUL', faults: added(file('a\0b')), code: 'PATH_INVALID', status: 3 },
  {
    what: 'a file below a file',
    faults: added(file(`${GIT}/below`)),
    code: 'LISTING_INVALID',
    status: 3,
    file: GIT,
  },
  { what: 'one path twice', faults: added(file(GIT)), code: 'LISTING_INVALID', status: 3, file: GIT },
  {
    what: 'a submodule',
    faults: added({ type: 'submodule', oid: 'a'.repeat(40), size: 0, path: 'sub' }),
    code: 'LISTING_INVALID',
    status: 3,
    file: 'sub',
  },
  { what: 'a negative size', faults: listed(GIT, { size: -1 }), code: 'RESPONSE_INVALID', status: 3 },
];

/** What passes, and must not keep the pack from being made. */
export const passing: Pick<Misbehaviour, 'what' | 'faults' | 'options'>[] = [
  {
    what: 'a rate limit that ends',
    faults: [{ on: 'tree', times: 1, do: status(429, { 'retry-after': '0' }) }],
  },
  { what: 'a server that fails twice', faults: [{ on: 'resolve', path: GIT, times: 2, do: status(502) }] },
  {
    what: 'connections that are cut after a megabyte, eight times',
    faults: [{ on: 'download', path: LFS, times: 8, do: { kind: 'cut', afterBytes: 1_000_000 } }],
  },
  {
    what: 'a body that ends early once',
    faults: [{ on: 'download', path: LFS, times: 1, do: { kind: 'short-body', missingBytes: 77 } }],
  },
  {
    what: 'a stall in the middle of a body',
    faults: [{ on: 'download', path: LFS, times: 1, do: { kind: 'stall', afterBytes: 500_000 } }],
    options: { idleTimeoutMs: 500 },
  },
  { what: 'a link that has expired', faults: [{ on: 'download', path: LFS, nth: 2, do: status(403) }] },
  {
    what: 'an x-linked-size that is missing',
    faults: [{ on: 'resolve', do: { kind: 'headers', set: { 'x-linked-size': null } } }],
  },
];
