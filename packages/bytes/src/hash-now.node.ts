/** Digests without waiting. Of a few bytes one takes a microsecond; to hand it to a thread and back takes thirty. */
import { hash } from 'node:crypto';
import type { HashNow } from './hash-now.ts';

const names = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const;

export const hashNow: HashNow | undefined = (name, bytes) =>
  new Uint8Array(hash(names[name], bytes, 'buffer'));
