/** What attackers do, one after the other: each is refused or cannot be checked, by its code, with words that say why. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { attacks, carryOut } from './attacks/index.ts';
import { runAsProcess, runInProcess } from './command.ts';
import { type Stage, setUpStage } from './stage.ts';

const DAY_MS = 86_400_000;
/** By how many days the client's clock is ahead. */
const stages = new Map<number, Promise<Stage>>();
let present: Stage;

before(async () => {
  present = await setUpStage();
  stages.set(0, Promise.resolve(present));
});
after(async () => {
  for (const stage of stages.values()) (await stage).close();
});

function stageAt(clockAheadDays: number): Promise<Stage> {
  let stage = stages.get(clockAheadDays);
  if (!stage) {
    const now = new Date(Date.now() - clockAheadDays * DAY_MS);
    stage = setUpStage({ now, amdKeys: present.world.amd.keys });
    stages.set(clockAheadDays, stage);
  }
  return stage;
}

test('every attack has a name of its own', () => {
  assert.equal(new Set(attacks.map(({ name }) => name)).size, attacks.length);
});

for (const attack of attacks)
  test(`an attacker who ${attack.deed} is noticed: ${attack.code}`, { timeout: 300_000 }, async () => {
    const stage = await stageAt(attack.clockAheadDays ?? 0);
    const run = attack.isOnTheNetwork ? runAsProcess : runInProcess;
    const { honest, attacked } = await carryOut(attack, stage, run);
    for (const { status, stdout, stderr } of honest) assert.equal(status, 0, stdout + stderr);
    const { status, stdout, stderr } = attacked;
    assert.equal(status, attack.exit, stdout + stderr);
    assert.ok(stdout.includes(attack.code), `${attack.code} is missing from:\n${stdout}${stderr}`);
    assert.ok(stdout.includes(attack.says), `"${attack.says}" is missing from:\n${stdout}`);
    assert.doesNotMatch(stdout, /✓ VERIFIED/);
    assert.deepEqual(codesOf(stdout), [attack.code, ...(attack.besides ?? [])].sort(), stdout);
    assert.doesNotMatch(stdout + stderr, /\n +at |internal error/);
  });

/** In the summary: everything else was in order. */
function codesOf(stdout: string): string[] {
  const [, codes = ''] = /(?:checks? failed|could not be made) \(([^)]*)\)/.exec(stdout) ?? [];
  return codes.split(', ').sort();
}
