/** Digests without waiting, where the platform has them: nowhere but in Node (`hash-now.node.ts`). */
import type { DigestName } from './digest.ts';

export type HashNow = (name: DigestName, bytes: Uint8Array) => Uint8Array;

export const hashNow: HashNow | undefined = undefined as HashNow | undefined;
