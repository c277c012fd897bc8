/** From a tree to everything that is known before a byte is read: addresses, tree geometry, lengths. */
import { type DirectoryNode, type ImageLayout, BLOCK_SIZE_BYTES, planImage } from '@vitrine/erofs';
import { type TreeGeometry, type VerityParameters, treeGeometry } from '@vitrine/verity';
import { type PackName, packSalt, packUuid } from './name.ts';

export interface PackPlan<S> {
  readonly name: PackName;
  readonly layout: ImageLayout<S>;
  readonly verity: VerityParameters;
  readonly geometry: TreeGeometry;
  /** The EROFS image's length, which is where the verity superblock begins. */
  readonly imageSizeBytes: number;
  /** The whole file's length. */
  readonly packSizeBytes: number;
}

/** Layout `modelwrap`: the parameters are fixed, so that name and files alone decide every byte. */
export function planPack<S>(name: PackName, root: DirectoryNode<S>): PackPlan<S> {
  const uuid = packUuid(name);
  const layout = planImage(root, uuid);
  const imageSizeBytes = layout.blockCount * BLOCK_SIZE_BYTES;
  const verity: VerityParameters = {
    hashType: 1,
    algorithm: 'sha256',
    dataBlockSizeBytes: BLOCK_SIZE_BYTES,
    hashBlockSizeBytes: BLOCK_SIZE_BYTES,
    dataBlockCount: layout.blockCount,
    salt: packSalt(name),
    uuid,
  };
  const geometry = treeGeometry(verity, { hashOffsetBytes: imageSizeBytes, superblock: true });
  return { name, layout, verity, geometry, imageSizeBytes, packSizeBytes: geometry.endOffsetBytes };
}
