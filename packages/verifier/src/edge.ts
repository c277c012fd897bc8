/** A page or a worker, as `verifyUrl` wants it: no certificate is seen, so that the channel cannot be checked from there. */
import { type PlatformFetch, browserFetch, createNetworkSource } from './sources/index.ts';
import type { VerifyOptions } from './verify-url.ts';

export type BrowserEdge = Pick<VerifyOptions, 'clock' | 'random' | 'connect' | 'endorsements'>;

/** @param fetch the platform's */
export function browserEdge(fetch: PlatformFetch): BrowserEdge {
  const source = createNetworkSource({ fetch: browserFetch(fetch) });
  return {
    clock: () => new Date(),
    random: (lengthBytes) => crypto.getRandomValues(new Uint8Array(lengthBytes)),
    connect: () => Promise.resolve({ seen: null, source, close: () => undefined }),
    endorsements: source,
  };
}
