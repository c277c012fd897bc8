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
  readonly exit: 1 | 3;
  readonly code: string;
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
