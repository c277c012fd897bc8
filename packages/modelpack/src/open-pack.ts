/** Opens a pack to look into it: every byte that comes out was proven first, where a root hash is known. */
import { type ErofsImage, openImage } from '@vitrine/erofs';
import type { TreeGeometry, VerityParameters } from '@vitrine/verity';
import type { Expectation } from './expectation.ts';
import { PackFile } from './pack-file.ts';

export interface OpenPack {
  readonly path: string;
  readonly image: ErofsImage;
  readonly parameters: VerityParameters & { readonly uuid: Uint8Array };
  readonly geometry: TreeGeometry;
  /** Whether the bytes are proven against a root hash that came from outside the pack. */
  readonly verified: boolean;
  /** The root hash that the file claims by itself. */
  readonly claimedRootHash: Uint8Array;
  readonly sizeBytes: number;
  close(): void;
}

/**
 * @param expected without it nothing is proven
 * @throws PackError PACK_INVALID, VerityError or ErofsError
 */
export async function openPack(path: string, expected: Expectation | undefined): Promise<OpenPack> {
  const file = new PackFile(path);
  try {
    const hashOffsetBytes = expected?.hashOffsetBytes ?? file.claimedHashOffset();
    const { parameters, geometry } = file.verityAt(hashOffsetBytes);
    const source = expected
      ? file.verified(parameters, geometry, Buffer.from(expected.rootHash, 'hex'))
      : file.unverified(hashOffsetBytes);
    return {
      path,
      image: await openImage(source),
      parameters,
      geometry,
      verified: expected !== undefined,
      claimedRootHash: file.claimedRootHash(parameters, geometry),
      sizeBytes: file.sizeBytes,
      close: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}
