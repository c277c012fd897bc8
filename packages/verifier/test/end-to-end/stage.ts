/** World, anchors and a user's folders, set up once for a test file; services and commands over them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnchorFiles, anchorWords, writeAnchors } from './anchors.ts';
import { type Ended, type Home, newHome, runInProcess } from './command.ts';
import { repository } from './release.ts';
import type { Scene } from './scene.ts';
import { type Service, startService } from './service.ts';
import { type World, type WorldRequest, createWorld } from './world.ts';

export interface Stage {
  readonly world: World;
  readonly home: Home;
  readonly anchors: AnchorFiles;
  /** The words that name anchors and mirrors. */
  words(service: Pick<Service, 'mirrorWords'>): readonly string[];
  /** @returns the path of a file with the text */
  file(name: string, content: string | Uint8Array): string;
  close(): void;
}

/** On a machine with much else to do, an answer of this very process may take long. What stands behind it counts. */
const patience = ['--timeout', '120'];

/** @param request default the present */
export async function setUpStage(request: Partial<WorldRequest> = {}): Promise<Stage> {
  const world = await createWorld({ now: new Date(), ...request });
  const home = newHome();
  const anchors = writeAnchors(world, join(home.folder, 'anchors'));
  return {
    world,
    home,
    anchors,
    words: (service) => [...anchorWords(anchors), ...service.mirrorWords, ...patience],
    file: (name, content) => {
      const path = join(home.folder, name);
      writeFileSync(path, content);
      return path;
    },
    close: () => home.remove(),
  };
}

export async function withService<T>(
  { world }: Stage,
  scene: Scene,
  use: (service: Service) => Promise<T>,
): Promise<T> {
  const service = await startService(world, scene);
  try {
    return await use(service);
  } finally {
    await service.close();
  }
}

/**
 * `vitrine verify`, in this process, by somebody who has never asked before.
 * @param extra words behind all others
 * @param withoutHardware simulated hardware is not allowed
 */
export async function verifyOnce(
  stage: Stage,
  scene: Scene,
  extra: readonly string[] = ['--repo', repository],
  { withoutHardware = false } = {},
): Promise<Ended> {
  const home = newHome();
  try {
    return await withService(stage, scene, (service) => {
      const anchors = stage.words(service).slice(withoutHardware ? 2 : 0);
      return runInProcess(['verify', service.url, ...anchors, ...extra], home.env);
    });
  } finally {
    home.remove();
  }
}
