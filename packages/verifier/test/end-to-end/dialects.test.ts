/** `vitrine verify` against a whole simulated service, in each dialect. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type AnchorFiles, anchorWords, writeAnchors } from './anchors.ts';
import { type Home, newHome, runInProcess } from './command.ts';
import { repository } from './release.ts';
import { honestScene } from './scene.ts';
import { startService } from './service.ts';
import { type World, createWorld } from './world.ts';

let world: World;
let home: Home;
let anchors: AnchorFiles;
before(async () => {
  world = await createWorld({ now: new Date() });
  home = newHome();
  anchors = writeAnchors(world, join(home.folder, 'anchors'));
});
after(() => rmSync(home.folder, { recursive: true }));

test('a service with SNP and two GPUs is verified in the native dialect, and called simulated', async () => {
  const service = await startService(world, honestScene(world));
  try {
    const words = ['verify', service.url, '--repo', repository, ...anchorWords(anchors), ...service.mirrorWords];
    const { status, stdout, stderr } = await runInProcess(words, home.env);
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /SIMULATED/);
  } finally {
    await service.close();
  }
});
