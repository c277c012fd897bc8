/** Saved proofs, watching, drafted policies and the memory of releases, by the command. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type Ended, newHome, runInProcess } from './command.ts';
import { policies } from './policies.ts';
import { repository } from './release.ts';
import { type DialectForm, type Scene, honestScene } from './scene.ts';
import { type Stage, setUpStage, verifyOnce, withService } from './stage.ts';

let stage: Stage;
before(async () => {
  stage = await setUpStage();
});
after(() => stage.close());

const YEAR_MS = 365 * 86_400_000;

interface Saved {
  readonly live: Ended;
  readonly path: string;
  readonly gatheredAt: Date;
}

let count = 0;
/** Verifies, saves the proof, and ends the service. */
async function save(scene: Scene, acceptance: readonly string[] = ['--repo', repository]): Promise<Saved> {
  const path = join(stage.home.folder, `proof-${++count}.json`);
  const home = newHome();
  const live = await withService(stage, scene, (service) =>
    runInProcess(
      ['verify', service.url, ...acceptance, ...stage.words(service), '--save-proof', path, '--json'],
      home.env,
    ),
  );
  home.remove();
  const { verifiedAt } = JSON.parse(live.stdout) as { verifiedAt: string };
  return { live, path, gatheredAt: new Date(verifiedAt) };
}

/** No mirror is named, and the folders hold nothing: there is no network to fall back to. */
async function replay(path: string, extra: readonly string[] = []): Promise<Ended> {
  const home = newHome();
  const anchors = stage.words({ mirrorWords: [] });
  try {
    return await runInProcess(['verify', '--proof', path, ...anchors, ...extra], home.env);
  } finally {
    home.remove();
  }
}

suite('a saved proof', () => {
  for (const dialect of ['vitrine', 'tinfoil-v3', 'tinfoil-v2', 'blyss'] as const satisfies DialectForm[])
    test(`of a service in the dialect ${dialect} gives the same result byte for byte, with the network cut`, async () => {
      const { live, path } = await save(honestScene(stage.world, dialect));
      const again = await replay(path, ['--json']);
      assert.equal(again.stdout, live.stdout);
      assert.equal(again.status, live.status);
      assert.equal(live.status, dialect.startsWith('tinfoil-v2') || dialect === 'blyss' ? 3 : 0, live.stdout);
    });

  test('of a trust domain gives the same result byte for byte', async () => {
    const words = ['--policy', stage.file('tdx.yml', policies.tdx)];
    const { live, path } = await save({ ...honestScene(stage.world), platform: 'tdx' }, words);
    const again = await replay(path, ['--json']);
    assert.equal(again.stdout, live.stdout);
    assert.deepEqual([live.status, again.status], [0, 0]);
  });

  test('of a service that was refused is refused again for the same reasons', async () => {
    const { live, path } = await save({ ...honestScene(stage.world), report: { vmpl: 3 } });
    const again = await replay(path, ['--json']);
    assert.equal(again.stdout, live.stdout);
    assert.deepEqual([live.status, again.status], [1, 1]);
  });

  test('is judged by the time that is asked for: a year later the certificate is out of date', async () => {
    const { path, gatheredAt } = await save(honestScene(stage.world));
    const later = new Date(gatheredAt.getTime() + YEAR_MS).toISOString();
    const { status, stdout } = await replay(path, ['--at', later]);
    assert.equal(status, 1, stdout);
    assert.match(stdout, /TLS_CERT_EXPIRED/);
  });

  test('says nothing about a time before it was gathered', async () => {
    const { path, gatheredAt } = await save(honestScene(stage.world));
    const earlier = new Date(gatheredAt.getTime() - 60_000).toISOString();
    const { status, stdout } = await replay(path, ['--at', earlier]);
    assert.equal(status, 1, stdout);
    assert.match(stdout, /PROOF_FROM_FUTURE/);
  });

  test('is judged by another policy where one is given', async () => {
    const { path } = await save(honestScene(stage.world));
    const other = stage.file('another-model.yml', policies.oneModel('ab'.repeat(32)));
    const { status, stdout } = await replay(path, ['--policy', other]);
    assert.equal(status, 1, stdout);
    assert.match(stdout, /MODEL_ROOT_NOT_ALLOWED/);
  });

  test('does not bring its own trust: without the anchors it is refused', async () => {
    const { path } = await save(honestScene(stage.world));
    const home = newHome();
    const { status, stdout } = await runInProcess(['verify', '--proof', path], home.env);
    home.remove();
    assert.equal(status, 1, stdout);
    assert.match(stdout, /ARK_UNTRUSTED/);
  });

  test('of an address that could not be reached says that again', async () => {
    const path = join(stage.home.folder, 'unreached.json');
    const home = newHome();
    const words = ['verify', 'https://localhost:9', '--repo', repository, '--save-proof', path];
    const live = await runInProcess(words, home.env);
    home.remove();
    assert.equal(live.status, 3, live.stdout);
    const { status, stdout } = await replay(path);
    assert.equal(status, 3, stdout);
    assert.match(stdout, /COULD NOT BE CHECKED/);
  });
});

suite('a proof that cannot be saved', () => {
  const full = !existsSync('/dev/full') && 'no /dev/full';
  const saving = (path: string, scene: Scene) =>
    verifyOnce(stage, scene, ['--repo', repository, '--save-proof', path]);

  test('leaves the pass readable, and is no success', { skip: full }, async () => {
    const { status, stdout, stderr } = await saving('/dev/full', honestScene(stage.world));
    assert.match(stdout, /✓ VERIFIED/);
    assert.match(stderr, /^The proof is not saved: ARGUMENT_INVALID: .*ENOSPC/m);
    assert.equal(status, 3, stdout + stderr);
  });

  test('leaves a failure a failure', { skip: full }, async () => {
    const scene = { ...honestScene(stage.world), report: { vmpl: 3 } };
    const { status, stdout, stderr } = await saving('/dev/full', scene);
    assert.match(stderr, /^The proof is not saved: /m);
    assert.equal(status, 1, stdout + stderr);
  });

  test('since its folder is not there is a wrong word, said before anybody is asked', async () => {
    const { status, stdout, stderr } = await saving(
      join(stage.home.folder, 'no/proof.json'),
      honestScene(stage.world),
    );
    assert.equal(stdout, '');
    assert.match(stderr, /^ARGUMENT_INVALID: The proof cannot be written to /);
    assert.equal(status, 2);
  });
});

suite('a damaged proof is refused as PROOF_MALFORMED:', () => {
  let whole: string;
  before(async () => {
    whole = readFileSync((await save(honestScene(stage.world))).path, 'utf8');
  });
  const damages: Readonly<Record<string, (text: string) => string>> = {
    'an empty file': () => '',
    'no JSON': () => 'proof',
    'JSON that is no proof': () => '{}',
    'one that is cut off': (text) => text.slice(0, -20),
    'one with something behind it': (text) => `${text}{}`,
    'one of another version': (text) => text.replace('vitrine-proof/v1', 'vitrine-proof/v2'),
    'one with a member that is not known': (text) => text.replace('{', '{"trust":"me",'),
    'one without a nonce': (text) => text.replace('"nonce"', '"once"'),
    'one with a nonce of another length': (text) => text.replace(/("nonce": ?")[0-9a-f]{2}/, '$1'),
    'one with a time that is none': (text) => text.replace(/("gathered_?[aA]t": ?")\d{4}/, '$1abcd'),
    'one with signs in it that are no base64': (text) =>
      text.replace(/("body(?:_base64)?": ?")..../, '$1!!!!'),
  };
  for (const [name, damage] of Object.entries(damages))
    test(name, async () => {
      const damaged = damage(whole);
      assert.notEqual(damaged, whole, 'the damage damages');
      const { status, stdout, stderr } = await replay(stage.file('damaged.json', damaged));
      assert.equal(status, 3, stdout + stderr);
      assert.match(stderr, /^PROOF_MALFORMED: /);
      assert.doesNotMatch(stderr, /\n +at /);
      assert.equal(stdout, '');
    });
});

/** Runs `--watch 1s`, shows the next scene after the first result, and stops once the text appears. */
async function watchUntil(next: Scene, text: RegExp): Promise<Ended> {
  const home = newHome();
  const stop = new AbortController();
  const patience = setTimeout(() => stop.abort(), 20_000);
  try {
    return await withService(stage, honestScene(stage.world), async (service) => {
      let seen = '';
      const words = ['verify', service.url, '--repo', repository, ...stage.words(service), '--watch', '1s'];
      return runInProcess(words, home.env, stop.signal, (piece) => {
        seen += piece;
        if (/VERIFIED, SIMULATED/.test(piece)) void service.show(next);
        if (text.test(seen)) stop.abort();
      });
    });
  } finally {
    clearTimeout(patience);
    home.remove();
  }
}

suite('watching', () => {
  test('reports the new key of a service that was launched again', async () => {
    const tls = await stage.world.issueTls();
    const { status, stdout } = await watchUntil({ ...honestScene(stage.world), tls }, /TLS key: /);
    assert.match(stdout, /TLS key: [0-9a-f]{64} → [0-9a-f]{64}/);
    assert.equal(status, 0, stdout);
  });

  test('reports that somebody has stepped in between, and ends with the last verdict', async () => {
    const { world } = stage;
    const scene = { ...honestScene(world), tls: await world.issueTls(), attestedTls: world.tls };
    const { status, stdout } = await watchUntil(scene, /failed checks: /);
    assert.match(stdout, /verdict: verified → failed/);
    assert.match(stdout, /failed checks: none → TLS_KEY_MISMATCH/);
    assert.equal(status, 1, stdout);
  });
});

suite('a policy drafted from a service', () => {
  const scenes: readonly [string, (world: Stage['world']) => Scene, readonly string[]][] = [
    ['with SNP and two GPUs', (world) => honestScene(world), ['--repo', repository]],
    [
      'that is a trust domain',
      (world) => ({ ...honestScene(world, 'tinfoil-v3'), platform: 'tdx' }),
      ['--repo', repository],
    ],
  ];
  for (const [name, sceneOf, acceptance] of scenes)
    test(`${name} accepts that service, and refuses it with another measurement`, async () => {
      const home = newHome();
      const path = join(home.folder, 'draft.yml');
      const scene = sceneOf(stage.world);
      try {
        await withService(stage, scene, async (service) => {
          const words = stage.words(service);
          const drafted = await runInProcess(
            ['policy', 'init', service.url, ...acceptance, ...words, '--out', path],
            home.env,
          );
          assert.equal(drafted.status, 0, drafted.stdout + drafted.stderr);
          const accepted = await runInProcess(['verify', service.url, '--policy', path, ...words], home.env);
          assert.equal(accepted.status, 0, accepted.stdout + accepted.stderr + readFileSync(path, 'utf8'));
          await service.show({
            ...scene,
            measurement: new Uint8Array(48).fill(0xbe),
            quote: { mrTd: new Uint8Array(48).fill(0xbe) },
          });
          const refused = await runInProcess(['verify', service.url, '--policy', path, ...words], home.env);
          assert.equal(refused.status, 1, refused.stdout);
          assert.match(refused.stdout, /MEASUREMENT_MISMATCH|HARDWARE_NO_MATCH/);
        });
      } finally {
        home.remove();
      }
    });

  test('is never written over a file that is there', async () => {
    const path = stage.file('mine.yml', 'version: 1\nname: mine\n');
    const home = newHome();
    const { status } = await runInProcess(['policy', 'init', 'https://localhost:9', '--out', path], home.env);
    home.remove();
    assert.equal(status, 2);
    assert.equal(readFileSync(path, 'utf8'), 'version: 1\nname: mine\n');
  });
});

suite('the memory of releases', () => {
  test('is kept for the next run, belongs to one user, and a policy can overrule it', async () => {
    const { world } = stage;
    const at = new Date(world.now.getTime() - 100 * 86_400_000);
    const older = {
      ...honestScene(world),
      release: await world.issueRelease({ tag: 'v1.1.0', at, extraWords: 'quiet' }),
    };
    const [home, stranger] = [newHome(), newHome()];
    try {
      await withService(stage, honestScene(world), async (service) => {
        const words = ['verify', service.url, ...stage.words(service)];
        const verify = (user: typeof home, ...acceptance: string[]) =>
          runInProcess([...words, ...acceptance], user.env);
        assert.equal((await verify(home, '--repo', repository)).status, 0);
        await service.show(older);
        const refused = await verify(home, '--repo', repository);
        assert.equal(refused.status, 1, refused.stdout);
        assert.match(refused.stdout, /RELEASE_OLDER_THAN_SEEN/);
        const again = await verify(home, '--repo', repository);
        assert.equal(again.status, 1, 'what was refused is not remembered');
        assert.equal((await verify(stranger, '--repo', repository)).status, 0);
        const allowed = await verify(home, '--policy', stage.file('rollback.yml', policies.rollback));
        assert.equal(allowed.status, 0, allowed.stdout);
        assert.match(allowed.stdout, /the policy allows older releases/);
      });
    } finally {
      home.remove();
      stranger.remove();
    }
  });
});
