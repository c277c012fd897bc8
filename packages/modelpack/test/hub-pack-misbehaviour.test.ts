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
  FILES,
  type Misbehaviour,
  REPO,
  added,
  contents,
  file,
  git,
  metadata,
  passing,
  status,
} from './hub-pack-faults.ts';
import { type Files, contentOf, finalNames, packFrom, packedFromFolder, scratch } from './hub-pack-model.ts';
import { type Fault, type HubServer, startHubServer } from './hub-server.ts';

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
