/** Packing from a Hub that behaves: the same pack as from a plain copy, and never more requests than needed. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gitBlobDigest } from '../src/hub/index.ts';
import type { PackEvent } from '../src/progress.ts';
import { vitrine } from '../../cli/test/vitrine.ts';
import {
  type Files,
  RANGE_BYTES,
  allNames,
  contentOf,
  contentRequests,
  finalNames,
  packFrom,
  packedFromFolder,
  scratch,
  writeTree,
} from './hub-pack-model.ts';
import { type RepoOptions, type Storage, startHubServer } from './hub-server.ts';
import { oracleObstacle, packWithOracle } from './oracle.ts';
import { parsePackName } from '../src/name.ts';

const SIZES = [0, 1, 4095, 4096, 4097, 8192, 12_345];

/** Every size around a block and around a range, in each of the Hub's storages. */
function everySize(): { files: Files; storage: Record<string, Storage> } {
  const files: Files = {
    '.gitattributes': '*.safetensors filter=lfs diff=lfs merge=lfs -text\n',
    'config.json': '{"model_type":"tiny"}\n',
    'nested/deeper/still/README.md': '# tiny\n',
    'name with spaces & ünïcode %20+?#.txt': 'a name\n',
    '.cache/huggingface/download.lock': 'left out\n',
  };
  const storage: Record<string, Storage> = {};
  for (const kind of ['git', 'lfs', 'xet'] as const) {
    for (const size of SIZES) {
      const path = `${kind}/of-${size}.bin`;
      files[path] = contentOf(path, size);
      storage[path] = kind;
    }
  }
  const large: [string, number, Storage][] = [
    ['range-1.safetensors', RANGE_BYTES - 1, 'lfs'],
    ['range.safetensors', RANGE_BYTES, 'xet'],
    ['range+1.safetensors', RANGE_BYTES + 1, 'xet'],
    ['nested/ranges.safetensors', 3 * RANGE_BYTES + 5000, 'lfs'],
    ['nested/large-in.git', RANGE_BYTES + 4096, 'git'],
  ];
  for (const [path, size, kind] of large) {
    files[path] = contentOf(path, size);
    storage[path] = kind;
  }
  return { files, storage };
}

const SMALL: Files = {
  'config.json': '{"a":1}\n',
  'weights/model.safetensors': contentOf('small', 100_000),
  'weights/extra.bin': contentOf('extra', 5000),
  'README.md': '# small\n',
};

const small = (more: Partial<RepoOptions> = {}): RepoOptions => ({
  name: 'acme/tiny',
  files: SMALL,
  storage: { 'weights/model.safetensors': 'lfs' },
  ...more,
});

test('a repository becomes, byte for byte, the pack of its plain copy, and says of each file where it is from', async () => {
  using folder = scratch();
  const { files, storage } = everySize();
  await using server = await startHubServer({ repos: [{ name: 'acme/tiny', files, storage }] });
  const commit = server.commitOf('acme/tiny');
  const ours = await packFrom(server, join(folder.path, 'out'));
  const expected = await packedFromFolder(folder.path, files, `acme/tiny@${commit}`);
  assert.equal(ours.infoText, expected.infoText);
  assert.ok(readFileSync(ours.paths.pack).equals(readFileSync(expected.paths.pack)));
  assert.equal(readFileSync(ours.paths.info, 'utf8'), ours.infoText);
  assert.deepEqual(allNames(join(folder.path, 'out')), [`${commit}.info`, `${commit}.json`, `${commit}.mpk`]);

  const manifest = JSON.parse(readFileSync(ours.paths.manifest, 'utf8')) as typeof ours.manifest;
  assert.deepEqual(manifest.source, { kind: 'hub', repository: 'acme/tiny', commit });
  assert.deepEqual(manifest.leftOut, ['.cache/huggingface/download.lock']);
  const packed = Object.entries(files).filter(([path]) => !path.startsWith('.cache'));
  assert.equal(manifest.files.length, packed.length);
  for (const [path, content] of packed) {
    const bytes = Buffer.from(content);
    const blob = gitBlobDigest(bytes.length);
    blob.update(bytes);
    const inGit = !path.endsWith('.safetensors') && !/^(?:lfs|xet)\//.test(path);
    assert.deepEqual(
      manifest.files.find((file) => file.path === path),
      {
        path,
        size: bytes.length,
        mode: '0644',
        sha256: createHash('sha256').update(bytes).digest('hex'),
        ...(inGit ? { gitBlobSha1: blob.digestHex() } : {}),
      },
    );
  }
});

test(
  'a repository becomes the pack that mkfs.erofs and veritysetup make of its plain copy',
  { skip: oracleObstacle },
  async () => {
    using folder = scratch();
    await using server = await startHubServer({ repos: [small()] });
    const ours = await packFrom(server, join(folder.path, 'out'));
    const source = join(folder.path, 'source');
    writeTree(source, SMALL);
    const oracle = packWithOracle(source, folder.path, parsePackName(ours.name));
    assert.equal(ours.infoText, oracle.info);
    assert.ok(readFileSync(ours.paths.pack).equals(oracle.bytes));
  },
);

test('no byte is asked for twice, whatever the number of connections and threads', async () => {
  using folder = scratch();
  const files = { ...SMALL, 'ranges.bin': contentOf('ranges', 2 * RANGE_BYTES + 77) };
  const roots = new Set<string>();
  for (const [connections, jobs] of [
    [1, 1],
    [3, 2],
    [16, 4],
  ] as const) {
    await using server = await startHubServer({ repos: [small({ files })] });
    const out = join(folder.path, `out-${connections}`);
    roots.add((await packFrom(server, out, { connections, jobs })).info.rootHash);
    for (const [path, content] of Object.entries(files)) {
      assert.equal(server.bytesServed(path), Buffer.from(content).length, path);
    }
  }
  assert.equal(roots.size, 1);
});

test('the default branch, a branch, a tag and a commit give the same pack, and only a commit needs no word about it', async () => {
  using folder = scratch();
  const refs = ['v1.0', 'feature/with-slash', 'refs/pr/1'];
  await using server = await startHubServer({ repos: [small({ refs })] });
  const commit = server.commitOf('acme/tiny');
  for (const [index, revision] of [undefined, 'main', ...refs, commit].entries()) {
    const events: PackEvent[] = [];
    const result = await packFrom(server, join(folder.path, String(index)), {
      ...(revision === undefined ? {} : { revision }),
      onEvent: (event) => events.push(event),
    });
    assert.equal(result.name, `acme/tiny@${commit}`);
    const resolved = events.filter(({ kind }) => kind === 'resolved');
    const expected = { kind: 'resolved', revision: revision ?? 'the default branch', commit };
    assert.deepEqual(resolved, revision === commit ? [] : [expected]);
  }
});

test('--include and --exclude choose as they do in a folder, and what is left out is neither fetched nor hidden', async () => {
  using folder = scratch();
  await using server = await startHubServer({ repos: [small()] });
  const commit = server.commitOf('acme/tiny');
  const selections = [
    { include: ['weights/*'] },
    { exclude: ['weights'] },
    { exclude: ['*.md', 'weights/extra.bin'] },
    { include: ['*.json', '*.bin'], exclude: ['weights/'] },
  ];
  for (const [index, selection] of selections.entries()) {
    const from = server.requests.length;
    const ours = await packFrom(server, join(folder.path, String(index)), selection);
    const expected = await packedFromFolder(folder.path, SMALL, `acme/tiny@${commit}`, selection);
    assert.equal(ours.infoText, expected.infoText);
    const fetched = new Set(contentRequests(server, undefined, from).map(({ path }) => path));
    assert.deepEqual([...fetched].sort(), ours.manifest.files.map(({ path }) => path).sort());
    const all = [...ours.manifest.leftOut, ...fetched].sort();
    assert.deepEqual(all, Object.keys(SMALL).sort());
  }
});

test('a selection that leaves nothing, and a repository without files, are refused', async () => {
  using folder = scratch();
  await using server = await startHubServer({ repos: [small(), { name: 'acme/empty', files: {} }] });
  await assert.rejects(packFrom(server, folder.path, { exclude: ['*'] }), { code: 'SOURCE_EMPTY' });
  await assert.rejects(packFrom(server, folder.path, { repository: 'acme/empty' }), { code: 'SOURCE_EMPTY' });
  assert.deepEqual(allNames(folder.path), []);
});

test('a commit that is packed already is not fetched again, with the same selection', async () => {
  using folder = scratch();
  const files = { ...SMALL, '.cache/bookkeeping': 'x' };
  await using server = await startHubServer({ repos: [small({ files })] });
  for (const selection of [{}, { include: ['weights/*'] }]) {
    const out = join(folder.path, JSON.stringify(selection).length.toString());
    const first = await packFrom(server, out, selection);
    const from = server.requests.length;
    const second = await packFrom(server, out, selection);
    assert.deepEqual(contentRequests(server, undefined, from), []);
    assert.deepEqual({ ...second, unchanged: false }, { ...first, unchanged: false });
    assert.deepEqual([first.unchanged, second.unchanged], [false, true]);
  }
});

test('a commit that is packed already with another selection is refused before anything is fetched', async () => {
  using folder = scratch();
  await using server = await startHubServer({ repos: [small()] });
  const first = await packFrom(server, folder.path);
  const before = readFileSync(first.paths.pack);
  const from = server.requests.length;
  await assert.rejects(packFrom(server, folder.path, { exclude: ['weights/model.safetensors'] }), {
    code: 'OUTPUT_EXISTS',
  });
  assert.deepEqual(contentRequests(server, undefined, from), []);
  assert.ok(readFileSync(first.paths.pack).equals(before));
  assert.equal(allNames(folder.path).length, 3);
});

test('a finished pack that is too short, or whose manifest or info is broken, is not taken for finished', async () => {
  using folder = scratch();
  await using server = await startHubServer({ repos: [small()] });
  const first = await packFrom(server, folder.path);
  const good = readFileSync(first.paths.pack);
  const manifest = readFileSync(first.paths.manifest, 'utf8');
  const mend = async (): Promise<void> => {
    await packFrom(server, folder.path);
    assert.ok(readFileSync(first.paths.pack).equals(good));
    assert.equal(readFileSync(first.paths.manifest, 'utf8'), manifest);
  };
  truncateSync(first.paths.pack, 8192);
  await mend();
  writeFileSync(first.paths.manifest, manifest.slice(0, 100));
  await mend();
  const { sha256 } = first.manifest.files.find(({ path }) => path.endsWith('.safetensors'))!;
  writeFileSync(first.paths.manifest, manifest.replace(sha256, '0'.repeat(64)));
  await mend();
  writeFileSync(first.paths.info, 'no info');
  await assert.rejects(packFrom(server, folder.path), { code: 'OUTPUT_EXISTS' });
});

test('a repository that was renamed is packed under the name that was asked for, with a warning', async () => {
  using folder = scratch();
  await using server = await startHubServer({ repos: [small({ formerNames: ['acme/old'] })] });
  const warnings: string[] = [];
  const result = await packFrom(server, folder.path, {
    repository: 'acme/old',
    onEvent: (event) => event.kind === 'warning' && warnings.push(event.message),
  });
  assert.match(result.name, /^acme\/old@/);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /acme\/tiny/);
});

const TOKEN = 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345';

test('a private repository is packed with HF_TOKEN, which goes to the Hub alone and is never shown or stored', async () => {
  using folder = scratch();
  await using server = await startHubServer({ repos: [small({ token: TOKEN })] });
  const env = { HF_ENDPOINT: server.endpoint, HF_TOKEN: TOKEN };
  const out = join(folder.path, 'out');
  const { status, stdout, stderr } = await vitrine(['pack', 'acme/tiny', '--out', out, '--json'], { env });
  assert.equal(status, 0, stderr);
  assert.ok(!`${stdout.toString()}${stderr}`.includes(TOKEN));
  for (const path of finalNames(out)) assert.ok(!readFileSync(join(out, path)).includes(TOKEN), path);
  const authorized = server.requests.filter(({ headers }) => headers['authorization'] !== undefined);
  assert.ok(authorized.length > 0);
  assert.ok(authorized.every(({ route }) => route !== 'download'));
  assert.ok(server.requests.some(({ route }) => route === 'download'));
});

test('without a token, or with a wrong one, a private repository gives exit status 3, and no token in any word', async () => {
  using folder = scratch();
  await using server = await startHubServer({ repos: [small({ token: TOKEN })] });
  const wrong = 'hf_wrongwrongwrongwrong';
  const out = join(folder.path, 'out');
  const words = ['pack', 'acme/tiny', '--out', out, '--json'];
  for (const env of [{}, { HF_TOKEN: wrong }, { HF_TOKEN: '' }]) {
    const { status, stdout, stderr } = await vitrine(words, {
      env: { HF_ENDPOINT: server.endpoint, ...env },
    });
    assert.equal(status, 3);
    assert.match(stderr, /^UNAUTHORIZED: /);
    assert.equal((JSON.parse(stdout.toString()) as { code: string }).code, 'UNAUTHORIZED');
    assert.ok(!`${stdout.toString()}${stderr}`.includes(wrong));
  }
  assert.equal(existsSync(out), false);
});
