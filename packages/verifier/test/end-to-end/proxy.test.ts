/** The command behind a proxy: the same verdicts, no pass by a proxy's grace, and nothing of its password. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { proxyFaults, serveFault, serveProxy } from '../sources/proxy-server.ts';
import { type Ended, newHome, runAsProcess } from './command.ts';
import { repository } from './release.ts';
import { honestScene } from './scene.ts';
import { startService } from './service.ts';
import { type Stage, setUpStage, withService } from './stage.ts';

const PATIENCE = { timeout: 60_000 };
let stage: Stage;
before(async () => {
  stage = await setUpStage();
});
after(() => stage.close());

async function verify(
  url: string,
  words: readonly string[],
  environment: Record<string, string>,
): Promise<Ended> {
  const home = newHome();
  try {
    return await runAsProcess(['verify', url, '--repo', repository, ...words], {
      ...home.env,
      ...environment,
    });
  } finally {
    home.remove();
  }
}

suite('behind a proxy', () => {
  test(
    'an honest service is verified, everybody is asked through the proxy, and -v says so',
    PATIENCE,
    async (t) => {
      const proxy = await serveProxy(t, { password: 'Basic YW5uOnMzY3JldA==' });
      const address = `http://ann:s3cret@127.0.0.1:${proxy.port}`;
      const { status, stdout, stderr } = await withService(stage, honestScene(stage.world), (service) =>
        verify(service.url, [...stage.words(service), '-v'], { HTTPS_PROXY: address, HTTP_PROXY: address }),
      );
      assert.equal(status, 0, stdout + stderr);
      assert.ok(proxy.requests.some((request) => request.startsWith('CONNECT localhost:')));
      assert.ok(
        proxy.requests.some((request) => /^GET http:.*\/crl$/.test(request)),
        String(proxy.requests),
      );
      assert.match(
        stderr,
        new RegExp(`localhost:\\d+ is asked through the proxy 127\\.0\\.0\\.1:${proxy.port}`),
      );
      assert.doesNotMatch(stdout + stderr, /s3cret|YW5u/);
    },
  );

  test('those whom NO_PROXY names are asked directly', PATIENCE, async (t) => {
    const proxy = await serveProxy(t);
    const { status, stdout } = await withService(stage, honestScene(stage.world), (service) =>
      verify(service.url, stage.words(service), { ALL_PROXY: proxy.url, NO_PROXY: 'localhost,127.0.0.0/8' }),
    );
    assert.equal(status, 0, stdout);
    // The list of logs has no mirror.
    assert.deepEqual(
      proxy.requests.filter((request) => /localhost|127\.0\.0\.1/.test(request)),
      [],
    );
  });

  test('a proxy that leads to another machine with a good certificate gets no pass', PATIENCE, async (t) => {
    const { world } = stage;
    const tls = await world.issueTls();
    const between = await startService(world, { ...honestScene(world), tls, attestedTls: world.tls });
    t.after(() => between.close());
    const proxy = await serveProxy(t, { leadTo: Number(new URL(between.url).port) });
    const { status, stdout } = await withService(stage, honestScene(world), (service) =>
      verify(service.url, stage.words(service), { HTTPS_PROXY: proxy.url }),
    );
    assert.equal(status, 1, stdout);
    assert.match(stdout, /TLS_KEY_MISMATCH/);
  });

  for (const { name, behave } of proxyFaults)
    test(`a proxy that ${name} leaves everything unchecked: PROXY_FAILED`, PATIENCE, async (t) => {
      const address = (await serveFault(t, behave)).replace('//', '//ann:s3cret@');
      const words = ['--timeout', '3'];
      const { status, stdout, stderr } = await verify('https://localhost:1', words, { https_proxy: address });
      assert.equal(status, 3, stdout + stderr);
      assert.match(stdout, /PROXY_FAILED/);
      assert.doesNotMatch(stdout + stderr, /s3cret|YW5u|\n +at |internal error/);
    });

  test('a proxy of another kind is a wrong word, and its password is not shown', PATIENCE, async () => {
    const environment = { HTTPS_PROXY: 'socks5://ann:s3cret@127.0.0.1:1' };
    const { status, stdout, stderr } = await verify('https://localhost:1', [], environment);
    assert.equal(status, 2, stdout + stderr);
    assert.match(stderr, /^ARGUMENT_INVALID: HTTPS_PROXY: /);
    assert.doesNotMatch(stderr, /s3cret/);
  });
});
