/** Packing from a Hub that misbehaves: an error that says so, nothing under a final name, and a next run that succeeds. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { exitStatusOf } from '../../cli/src/exit.ts';
import { vitrine } from '../../cli/test/vitrine.ts';
import type { PackResult } from '../src/pack.ts';
import type { HubPackOptions } from '../src/pack-hub.ts';
import {
  type Files,
  RANGE_BYTES,
  contentOf,
  finalNames,
  packFrom,
  packedFromFolder,
  scratch,
} from './hub-pack-model.ts';
import {
  type Fault,
  type FaultAction,
  type HubServer,
  type RepoOptions,
  startHubServer,
} from './hub-server.ts';

const GIT = 'config.json';
const LFS = 'weights/model.safetensors';
const FILES: Files = {
  [GIT]: '{"a":1}\n',
  'empty.txt': '',
  [LFS]: contentOf('model', RANGE_BYTES + 1),
  'weights/small.bin': contentOf('small', 5000),
};
const REPO: RepoOptions = {
  name: 'acme/tiny',
  files: FILES,
  storage: { [LFS]: 'xet', 'weights/small.bin': 'lfs' },
};

let server: HubServer;
let expectedInfo: string;
before(async () => {
  using folder = scratch();
  server = await startHubServer({ repos: [REPO] });
  const name = `acme/tiny@${server.commitOf('acme/tiny')}`;
  expectedInfo = (await packedFromFolder(folder.path, FILES, name)).infoText;
});
after(() => server.close());

/** The server misbehaves from now on, and in no other way. */
function misbehave(faults: readonly Fault[]): void {
  server.clearFaults();
  for (const fault of faults) server.fault(fault);
}

interface Misbehaviour {
  readonly what: string;
  readonly faults: readonly Fault[];
  readonly code: string;
  readonly status: 1 | 2 | 3;
  /** The message must name it: for whatever is wrong with one file. */
  readonly file?: string;
  readonly options?: Partial<HubPackOptions['hub']>;
}

const git = (action: FaultAction): Fault[] => [{ on: 'resolve-cache', path: GIT, do: action }];
const lfs = (action: FaultAction): Fault[] => [{ on: 'download', path: LFS, do: action }];
const listed = (path: string, fields: Record<string, unknown>): Fault[] => [
  { on: 'tree', do: { kind: 'listing', patch: { [path]: fields } } },
];
const added = (...entries: unknown[]): Fault[] => [{ on: 'tree', do: { kind: 'listing', append: entries } }];
const status = (code: number, headers: Record<string, string> = {}): FaultAction => ({
  kind: 'status',
  status: code,
  headers,
});
const file = (path: string): object => ({ type: 'file', oid: 'a'.repeat(40), size: 1, path });
const wrongHash = 'b'.repeat(64);

const contents: Misbehaviour[] = [
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

const metadata: Misbehaviour[] = [
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

/** @returns what was thrown, held against what is expected */
async function fails(misbehaviour: Misbehaviour, outFolder: string): Promise<void> {
  const { faults, code, status: exitStatus, file: named, options } = misbehaviour;
  misbehave(faults);
  const failure: unknown = await pack(outFolder, options).then(
    () => assert.fail('the pack was made'),
    (error: unknown) => error,
  );
  assert.ok(failure instanceof Error && 'code' in failure);
  assert.equal(failure.code, code, failure.message);
  assert.equal(exitStatusOf(failure), exitStatus);
  if (named !== undefined) assert.ok(failure.message.includes(named), failure.message);
}

function pack(outFolder: string, options: Misbehaviour['options']): Promise<PackResult> {
  return packFrom(server, outFolder, {
    jobs: 1,
    ...(options ? { hub: options as HubPackOptions['hub'] } : {}),
  });
}

for (const misbehaviour of contents) {
  const { what, code } = misbehaviour;
  test(`${what}: ${code}, nothing that looks finished, and an honest Hub then gives the pack`, async () => {
    using folder = scratch();
    await fails(misbehaviour, folder.path);
    assert.deepEqual(finalNames(folder.path), []);
    misbehave([]);
    const { infoText, paths } = await pack(folder.path, {});
    assert.equal(infoText, expectedInfo);
    assert.equal(readFileSync(paths.info, 'utf8'), expectedInfo);
  });
}

for (const misbehaviour of metadata) {
  test(`${misbehaviour.what}: ${misbehaviour.code}, and nothing is left behind at all`, async () => {
    using folder = scratch();
    await fails(misbehaviour, folder.path);
    assert.deepEqual(readdirSync(folder.path), []);
  });
}

const passing: Pick<Misbehaviour, 'what' | 'faults' | 'options'>[] = [
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

for (const { what, faults, options } of passing) {
  test(`${what}: the pack is made all the same`, async () => {
    using folder = scratch();
    await using server = await startHubServer({ repos: [REPO], faults: [...faults] });
    const result = await packFrom(
      server,
      folder.path,
      options ? { hub: options as HubPackOptions['hub'] } : {},
    );
    assert.equal(result.infoText, expectedInfo);
  });
}

test('a wrong file stops the download at once, not after all the other files', async () => {
  using folder = scratch();
  const files: Files = { 'a-first.bin': 'first' };
  for (let index = 0; index < 40; index++) files[`z/${index}.bin`] = contentOf(String(index), 1_000_000);
  await using slow = await startHubServer({
    repos: [{ name: 'acme/tiny', files }],
    faults: [{ on: 'resolve-cache', path: 'a-first.bin', do: { kind: 'flip-byte', atByte: 0 } }],
    chunkDelayMs: 5,
  });
  await assert.rejects(packFrom(slow, folder.path, { connections: 2 }), { code: 'CONTENT_MISMATCH' });
  const served = Object.keys(files).filter((path) => slow.bytesServed(path) > 0);
  assert.ok(served.length < 20, `${served.length} files were fetched`);
});

test('each kind of misbehaviour ends the command with its status and one line, without a stack or an escape code', async () => {
  const escape = '\u001b[31mred\u001b[0m\u009b2J';
  const cases: [Fault[], string, number][] = [
    [git({ kind: 'flip-byte', atByte: 0 }), 'CONTENT_MISMATCH', 1],
    [[{ on: 'revision', do: status(403, { 'x-error-message': 'no' }) }], 'FORBIDDEN', 3],
    [[{ on: 'tree', do: { kind: 'json', body: '[' } }], 'RESPONSE_INVALID', 3],
    [[{ on: 'revision', do: { kind: 'html' } }], 'NOT_JSON', 3],
    [added(file(`../${escape}`)), 'PATH_INVALID', 3],
    [added({ ...file(`${escape}/\nx`), size: 0 }), 'CONTENT_MISMATCH', 1],
  ];
  using folder = scratch();
  await Promise.all(
    cases.map(async ([faults, code, exitStatus], index) => {
      await using liar = await startHubServer({ repos: [REPO], faults: [...faults] });
      const out = join(folder.path, String(index));
      const ended = await vitrine(['pack', 'acme/tiny', '--out', out], {
        env: { HF_ENDPOINT: liar.endpoint },
      });
      assert.equal(ended.status, exitStatus, ended.stderr);
      assert.equal(ended.stdout.length, 0);
      const lines = ended.stderr.trimEnd().split('\n');
      assert.ok(lines.at(-1)!.startsWith(`${code}: `), ended.stderr);
      // eslint-disable-next-line no-control-regex -- Control characters are what must not be there.
      assert.doesNotMatch(ended.stderr, /^\s+at |[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/m);
      assert.deepEqual(finalNames(out), []);
    }),
  );
});
