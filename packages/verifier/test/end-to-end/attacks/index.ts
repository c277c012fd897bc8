/** Every attack, and how one is carried out. */
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { type Ended, newHome } from '../command.ts';
import { repository } from '../release.ts';
import { startService } from '../service.ts';
import type { Stage } from '../stage.ts';
import type { Attack } from './attack.ts';
import { channelAttacks } from './channel.ts';
import { codeAttacks } from './code.ts';
import { consistencyAttacks } from './consistency.ts';
import { deviceAttacks } from './devices.ts';
import { runtimeAttacks } from './runtime.ts';

export type { Attack } from './attack.ts';
export const attacks: readonly Attack[] = [
  ...channelAttacks,
  ...runtimeAttacks,
  ...deviceAttacks,
  ...codeAttacks,
  ...consistencyAttacks,
];

/** Runs the command: in this process or in another. */
export type Run = (words: readonly string[], env: Readonly<Record<string, string>>) => Promise<Ended>;

export interface Carried {
  /** Of the visits before the attack. */
  readonly honest: readonly Ended[];
  readonly attacked: Ended;
  /** What was run in the end. */
  readonly words: readonly string[];
}

/** Each visit to the same service, by the same user. @param stage of the attack's time, see `clockAheadDays` */
export async function carryOut(attack: Attack, stage: Stage, run: Run): Promise<Carried> {
  const { world } = stage;
  const scenes = await attack.visits(world);
  const home = newHome();
  const service = await startService(world, scenes[0]!);
  try {
    const words = [
      'verify',
      service.url,
      ...acceptance(attack, stage, home.folder),
      ...stage.words(service),
      ...(attack.words ?? []),
    ];
    const honest: Ended[] = [];
    for (const [at, scene] of scenes.entries()) {
      if (at > 0) await service.show(scene);
      if (at < scenes.length - 1) honest.push(await run(words, home.env));
    }
    return { honest, attacked: await run(words, home.env), words };
  } finally {
    await service.close();
    home.remove();
  }
}

function acceptance({ policy }: Attack, { world }: Stage, folder: string): string[] {
  if (!policy) return ['--repo', repository];
  const path = join(folder, 'policy.yml');
  writeFileSync(path, policy(world));
  return ['--policy', path];
}
