/** `policy init`, then `verify --policy`, then an attack: in every dialect, on every platform that it has. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toHex } from '@vitrine/bytes';
import { type Ended, newHome, runInProcess } from './command.ts';
import { createPlatformList, tdxPlatform } from './platforms.ts';
import { repository } from './release.ts';
import { type DialectForm, type Scene, honestScene } from './scene.ts';
import { type Stage, setUpStage, withService } from './stage.ts';

let stage: Stage;
before(async () => {
  stage = await setUpStage();
});
after(() => stage.close());

const other = new Uint8Array(48).fill(0xbe);

/** What the draft was, and what came of it for the honest service and for the attacked one. */
async function lifeOf(scene: Scene, attacked: Scene): Promise<{ text: string; good: Ended; bad: Ended }> {
  const home = newHome();
  const path = join(home.folder, 'draft.yml');
  try {
    return await withService(stage, scene, async (service) => {
      const words = stage.words(service);
      const builder = scene.dialect === 'blyss' ? [] : ['--repo', repository];
      const init = ['policy', 'init', service.url, ...builder, ...words, '--out', path];
      const drafted = await runInProcess(init, home.env);
      assert.equal(drafted.status, 0, drafted.stdout + drafted.stderr);
      const verify = ['verify', service.url, '--policy', path, ...words];
      const good = await runInProcess(verify, home.env);
      await service.show(attacked);
      return { text: readFileSync(path, 'utf8'), good, bad: await runInProcess(verify, home.env) };
    });
  } finally {
    home.remove();
  }
}

interface Life {
  readonly dialect: DialectForm;
  readonly platform: 'sev-snp' | 'tdx';
  readonly exit: 0 | 3;
  /** In what is printed about the honest service. */
  readonly says: RegExp;
}

const verified = /✓ VERIFIED, SIMULATED/;
const lives: readonly Life[] = [
  { dialect: 'vitrine', platform: 'sev-snp', exit: 0, says: verified },
  { dialect: 'vitrine', platform: 'tdx', exit: 0, says: verified },
  { dialect: 'tinfoil-v3', platform: 'sev-snp', exit: 0, says: verified },
  { dialect: 'tinfoil-v3', platform: 'tdx', exit: 0, says: verified },
  { dialect: 'tinfoil-v2', platform: 'sev-snp', exit: 3, says: /old evidence cannot be told from new/ },
  { dialect: 'tinfoil-v2', platform: 'tdx', exit: 3, says: /old evidence cannot be told from new/ },
  { dialect: 'blyss', platform: 'sev-snp', exit: 3, says: /the firmware of the protocol .* is not at hand/ },
];

for (const { dialect, platform, exit, says } of lives)
  test(`${dialect} on ${platform}: the draft ends with ${exit} for the service, and with 1 for another launch`, async () => {
    const scene: Scene = { ...honestScene(stage.world, dialect), platform };
    const { text, good, bad } = await lifeOf(scene, {
      ...scene,
      // Of Blyss nothing is signed that a launch digest could differ from: another command line is what shows.
      ...(dialect === 'blyss' ? { cmdline: 'init=/bin/sh' } : { measurement: other }),
      quote: { mrTd: other },
    });
    assert.equal(good.status, exit, good.stdout + good.stderr + text);
    assert.match(good.stdout, says);
    assert.equal(bad.status, 1, bad.stdout);
    assert.match(bad.stdout, /MEASUREMENT_MISMATCH|HARDWARE_NO_MATCH|CMDLINE_/);
  });

test('of a trust domain that nobody vouches for, the draft says that its machine was not compared', async () => {
  const scene: Scene = { ...honestScene(stage.world), platform: 'tdx' };
  const registers = [tdxPlatform.rtmr0, scene.release.rtmr1, other, new Uint8Array(48)];
  const { text, bad } = await lifeOf(scene, { ...scene, quote: { rtmrs: registers } });
  assert.match(text, /^# measurements\.hardware holds the MRTD and RTMR0 that the service showed/m);
  assert.match(text, /# TAKEN FROM WHAT THE SERVICE SHOWED: compare/);
  assert.ok(text.includes(toHex(tdxPlatform.mrtd)) && text.includes(toHex(tdxPlatform.rtmr0)));
  assert.equal(bad.status, 1, bad.stdout);
  assert.match(bad.stdout, /MEASUREMENT_MISMATCH/);
});

test('a list of platforms that does not name the machine is not overruled by a draft', async () => {
  const { sigstore, now } = stage.world;
  const platforms = await createPlatformList(sigstore, now, {
    repository: 'mallory/list',
    ref: 'refs/tags/v1',
  });
  const scene: Scene = { ...honestScene(stage.world, 'tinfoil-v3'), platform: 'tdx', platforms };
  const { text, good } = await lifeOf(scene, scene);
  assert.equal(good.status, 1, good.stdout);
  assert.match(text, /^ {2}hardware: signed$/m);
});

test('of a release that GitLab built, the draft names the project, which it is then held to', async () => {
  const { world } = stage;
  const released = async (project: string): Promise<Scene> => {
    const identity = { project, ref: 'refs/tags/v1.2.0' };
    return { ...honestScene(world), release: await world.issueRelease({ identity }) };
  };
  const { text, good, bad } = await lifeOf(
    await released('acme/team/chat'),
    await released('acme/team/chat-evil'),
  );
  assert.match(text, /^ {6}project: acme\/team\/chat$/m);
  assert.match(text, /^ {6}configuration: "?\.gitlab-ci\.yml"?$/m);
  assert.equal(good.status, 0, good.stdout + text);
  assert.match(good.stdout, verified);
  assert.equal(bad.status, 1, bad.stdout);
  assert.match(bad.stdout, /WORKFLOW_REPOSITORY_MISMATCH/);
});

test('vitrine policy explain says of builders of every kind who they are', async () => {
  const path = new URL('../../../../docs/vectors/policy/good/builders-of-every-kind.yml', import.meta.url);
  const { status, stdout } = await runInProcess(['policy', 'explain', path.pathname], {});
  assert.equal(status, 0);
  for (const words of [
    'at least 3 of the following 6 must have signed it.',
    'the pipeline .gitlab-ci.yml of the GitLab project acme/inference/chat, run on a tag that matches v*',
    'any pipeline of the GitLab project https://gitlab.example.org/acme/chat',
    'any workflow of https://github.example.org/acme/chat',
    'release@example.org, exactly, as https://accounts.google.com says counts.',
    'spiffe://example.org/build, exactly',
  ])
    assert.ok(stdout.includes(words), stdout);
});
