/** The examples of the README run as they stand, but for the address: nobody answers there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { before, test } from 'node:test';

const folder = new URL('../../', import.meta.url).pathname;
const examples = [...readFileSync(`${folder}README.md`, 'utf8').matchAll(/```ts\n(.*?)```/gs)].map(
  ([, code = '']) => code,
);
let nowhere = '';

before(async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  nowhere = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
});

for (const [at, name] of ['Node', 'a page'].entries())
  test(`the example for ${name} ends with a verdict`, () => {
    const code = examples[at]!.replace('https://inference.example.org', nowhere);
    assert.ok(code.includes(nowhere));
    const words = ['--input-type=module-typescript', '--eval', code];
    const { stdout, stderr, status } = spawnSync(process.execPath, words, {
      cwd: folder,
      encoding: 'utf8',
      timeout: 120_000,
    });
    assert.equal(stdout, 'not-checked\n', stderr);
    assert.equal(status, 0, stderr);
  });

test('there is no example that is not run', () => {
  assert.equal(examples.length, 2);
});
