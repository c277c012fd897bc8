/** One thing that an attacker does, and what must come of it. */
import type { Scene } from '../scene.ts';
import type { World } from '../world.ts';

export interface Attack {
  /** Stable: "another-tls-key". */
  readonly name: string;
  /** What the attacker does, in one sentence. */
  readonly deed: string;
  /** What the service shows, visit by visit. All but the last visit are honest and must be verified; the last is the attack. */
  readonly visits: (world: World) => Promise<readonly Scene[]>;
  /** YAML; default the built-in policy for the repository of the release. */
  readonly policy?: (world: World) => string;
  /** Behind all others. */
  readonly words?: readonly string[];
  /** By how much the client's clock is ahead of the world's. */
  readonly clockAheadDays?: number;
  /** It is done to the connection or to the answer on its way: a client is tried that is a process of its own. */
  readonly isOnTheNetwork?: true;
  readonly exit: 1 | 3;
  /** Of the check that fails or cannot be made. */
  readonly code: string;
  /** Of others that the same deed makes fail. */
  readonly besides?: readonly string[];
  /** Stands in what is printed. */
  readonly says: string;
}

/** @param change of the honest scene, by the attacker */
export function once(
  change: (scene: Scene, world: World) => Scene | Promise<Scene>,
  honest: (world: World) => Scene,
): Attack['visits'] {
  return async (world) => [await change(honest(world), world)];
}
