import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { downloadHubModel, HUB_MODEL } from './hub.ts';

const weights = Buffer.from('weights');
const text = Buffer.from('{}');
const weightsEntry = {
  type: 'file',
  path: 'sub/model.bin',
  size: weights.length,
  oid: '0'.repeat(40),
  lfs: { oid: createHash('sha256').update(weights).digest('hex'), size: weights.length },
};
const textEntry = {
  type: 'file',
  path: 'config.json',
  size: text.length,
  oid: createHash('sha1').update(`blob ${text.length}\0`).update(text).digest('hex'),
};

/** A hub on loopback that lists the entries and gives out the two files. */
async function download(entries: unknown, folder: string): Promise<void> {
  const listener: RequestListener = (request, response) => {
    const url = request.url ?? '';
    if (url.startsWith(`/api/models/${HUB_MODEL.name}/tree/${HUB_MODEL.commit}`))
      response.end(JSON.stringify(entries));
    else if (url.endsWith('/sub/model.bin')) response.end(weights);
    else if (url.endsWith('/config.json')) response.end(text);
    else response.writeHead(404).end();
  };
  const server = createServer(listener).listen(0, '127.0.0.1');
  try {
    await new Promise((resolve) => server.once('listening', resolve));
    await downloadHubModel(folder, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-hub-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('every listed file is downloaded', () =>
  inFolder(async (folder) => {
    await download([textEntry, { type: 'directory', path: 'sub' }, weightsEntry], folder);
    assert.deepEqual(readFileSync(join(folder, 'sub/model.bin')), weights);
    assert.deepEqual(readFileSync(join(folder, 'config.json')), text);
  }));

const bad: [string, unknown, RegExp][] = [
  ['a file whose SHA-256 differs', [{ ...weightsEntry, lfs: { oid: 'f'.repeat(64) } }], /has the hash/],
  ['a file whose git blob differs', [{ ...textEntry, oid: 'f'.repeat(40) }], /has the hash/],
  ['a file that is longer than listed', [{ ...textEntry, size: 1 }], /longer than 1 bytes/],
  ['a file that is not there', [{ ...textEntry, path: 'absent.json' }], /status 404/],
  ['a path out of the folder', [{ ...textEntry, path: '../config.json' }], /no file/],
  ['an absolute path', [{ ...textEntry, path: '/config.json' }], /no file/],
  ['a model that is not tiny', [{ ...weightsEntry, size: 2 ** 40 }], /tiny model was expected/],
  ['an empty list', [], /tiny model was expected/],
  ['an answer that is no list', { error: 'x' }, /not a list/],
  ['a hash that is no text', [{ ...weightsEntry, lfs: { oid: 7 } }], /no file/],
];
for (const [what, entries, message] of bad) {
  test(`${what} is refused`, () =>
    inFolder(async (folder) => {
      await assert.rejects(download(entries, folder), message);
      assert.equal(existsSync(join(folder, 'config.json')), false);
    }));
}
