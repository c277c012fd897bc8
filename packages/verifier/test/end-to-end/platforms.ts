/** The list of TDX platforms that Tinfoil publishes beside its releases: firmware and virtual hardware by their registers. */
import { sha256, toHex, utf8 } from '@vitrine/bytes';
import type { SigningIdentity, SimulatedSigstore } from '@vitrine/simtee';

/** Register values of the one platform, 48 bytes each. */
export const tdxPlatform = { mrtd: new Uint8Array(48).fill(0x70), rtmr0: new Uint8Array(48).fill(0x7a) };

export const platformRepository = 'tinfoilsh/hardware-measurements';

export interface PlatformList {
  /** hardware-measurements.json, exact bytes. */
  readonly file: Uint8Array;
  /** SHA-256 of it, 32 bytes. */
  readonly digest: Uint8Array;
  /** Sigstore bundle, JSON. */
  readonly bundle: Uint8Array;
}

/** @param identity default a workflow of the repository, on a tag */
export async function createPlatformList(
  sigstore: SimulatedSigstore,
  at: Date,
  identity: SigningIdentity = { repository: platformRepository, ref: 'refs/tags/v7' },
): Promise<PlatformList> {
  const list = {
    'simulated-platform': { mrtd: toHex(tdxPlatform.mrtd), rtmr0: toHex(tdxPlatform.rtmr0) },
  };
  const file = utf8(JSON.stringify(list));
  const digest = await sha256(file);
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'hardware-measurements.json', digest: { sha256: toHex(digest) } }],
    predicateType: 'https://tinfoil.sh/predicate/hardware-measurements/v1',
    predicate: list,
  };
  return {
    file,
    digest,
    bundle: utf8(await sigstore.signDsse({ payload: JSON.stringify(statement), identity, at })),
  };
}
