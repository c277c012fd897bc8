/** In a module of its own: a replay that brings its other anchors loads no list of logs. */
import { publicGoodRootDate, publicGoodTrustedRoot } from '@vitrine/provenance/sigstore/public-good';
import { publicGoodTufRoot, publicGoodTufUrl } from '@vitrine/provenance/tuf/public-good';
import type { SigstoreRepository } from './anchors.ts';

/** Sigstore's public instance: its newest keys, or the built-in ones. */
export function publicGoodRepository(): SigstoreRepository {
  return {
    url: publicGoodTufUrl,
    root: publicGoodTufRoot(),
    target: 'trusted_root.json',
    builtIn: publicGoodTrustedRoot(),
    builtInOf: publicGoodRootDate,
  };
}
