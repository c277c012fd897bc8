/** A pack on disk: opened, its two halves found, its blocks read with or without proof. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import {
  type BlockSource,
  BLOCK_SIZE_BYTES,
  decodeSuperblock as decodeErofsSuperblock,
} from '@vitrine/erofs';
import {
  RangeVerifier,
  type TreeGeometry,
  type VerityParameters,
  VerityError,
  decodeSuperblock,
  describeCorruption,
  treeGeometry,
} from '@vitrine/verity';
import { createTreeHashers } from '@vitrine/verity/node';
import { PackError } from './error.ts';

/** Bytes of the verity superblock itself; up to the tree follow zeros. */
const VERITY_SUPERBLOCK_BYTES = 512;

export class PackFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #descriptor: number;

  /** @throws PackError PACK_INVALID when it cannot be opened or is no regular file */
  constructor(path: string) {
    this.path = path;
    try {
      // Not blocking: a FIFO would keep the opening waiting for a writer.
      this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PackError('PACK_INVALID', `Opening the pack: ${reason}.`, { cause });
    }
    const stats = fstatSync(this.#descriptor);
    if (!stats.isFile()) {
      this.close();
      throw new PackError('PACK_INVALID', `${path} is not a regular file.`);
    }
    this.sizeBytes = stats.size;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** @throws PackError PACK_INVALID when the file ends first */
  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    if (offsetBytes + lengthBytes > this.sizeBytes) {
      throw new PackError(
        'PACK_INVALID',
        `${this.path} has ${this.sizeBytes} bytes; bytes ${offsetBytes} to ${offsetBytes + lengthBytes - 1} are missing. Was it copied whole?`,
      );
    }
    const bytes = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes;) {
      const count = readSync(this.#descriptor, bytes, done, lengthBytes - done, offsetBytes + done);
      if (count === 0) throw new PackError('PACK_INVALID', `${this.path} became shorter while it was read.`);
      done += count;
    }
    return bytes;
  }

  /**
   * Where the EROFS image ends and the verity superblock begins, as the image itself says: to be believed only once
   * the root hash vouches for it.
   * @throws ErofsError
   */
  claimedHashOffset(): number {
    const firstBlock = this.read(0, Math.min(BLOCK_SIZE_BYTES, this.sizeBytes));
    return decodeErofsSuperblock(firstBlock).blockCount * BLOCK_SIZE_BYTES;
  }

  /**
   * The verity parameters, with all that a pack demands of them beyond what verity does: layout, lengths, and
   * nothing between or behind the parts.
   * @throws PackError PACK_INVALID, or VerityError
   */
  verityAt(hashOffsetBytes: number): {
    parameters: VerityParameters & { uuid: Uint8Array };
    geometry: TreeGeometry;
  } {
    const block = this.read(hashOffsetBytes, BLOCK_SIZE_BYTES);
    const parameters = decodeSuperblock(block.subarray(0, VERITY_SUPERBLOCK_BYTES));
    this.#require(parameters.algorithm, 'sha256', 'hash algorithm');
    this.#require(parameters.dataBlockSizeBytes, BLOCK_SIZE_BYTES, 'data block size');
    this.#require(parameters.hashBlockSizeBytes, BLOCK_SIZE_BYTES, 'hash block size');
    this.#require(parameters.dataBlockCount * BLOCK_SIZE_BYTES, hashOffsetBytes, 'end of the hashed data');
    if (block.subarray(VERITY_SUPERBLOCK_BYTES).some((byte) => byte !== 0)) {
      throw new PackError(
        'PACK_INVALID',
        `${this.path}: bytes between the verity superblock and the tree are not zero.`,
      );
    }
    const geometry = treeGeometry(parameters, { hashOffsetBytes, superblock: true });
    this.#require(this.sizeBytes, geometry.endOffsetBytes, 'length in bytes');
    return { parameters, geometry };
  }

  /** What the top of the tree hashes to: the root hash that the file claims by itself. */
  claimedRootHash(parameters: VerityParameters, geometry: TreeGeometry): Uint8Array {
    const { data, tree } = createTreeHashers(parameters);
    const top = geometry.levels.at(-1);
    const digest = new Uint8Array(geometry.digestStrideBytes);
    if (top) tree.hashBlocks(this.read(top.offsetBytes, parameters.hashBlockSizeBytes), digest);
    else data.hashBlocks(this.read(0, parameters.dataBlockSizeBytes), digest);
    return digest.subarray(0, geometry.digestSizeBytes);
  }

  /** The image as it is, without proof. */
  unverified(hashOffsetBytes: number): BlockSource {
    return { sizeBytes: hashOffsetBytes, read: (offset, length) => this.read(offset, length) };
  }

  /**
   * The image, each block proven against the root hash before its bytes are given out.
   * @throws (when read) VerityError with the corruption
   */
  verified(parameters: VerityParameters, geometry: TreeGeometry, rootHash: Uint8Array): BlockSource {
    // The very bytes that are checked are those that are given: nothing is read twice.
    let current: { offsetBytes: number; bytes: Uint8Array } = { offsetBytes: 0, bytes: new Uint8Array(0) };
    const verifier = new RangeVerifier({
      parameters,
      geometry,
      hashers: createTreeHashers(parameters),
      rootHash,
      data: {
        read: (offset, length) =>
          current.bytes.subarray(offset - current.offsetBytes, offset - current.offsetBytes + length),
      },
      tree: { read: (offset, length) => this.read(offset, length) },
    });
    return {
      sizeBytes: geometry.dataSizeBytes,
      read: (offsetBytes, lengthBytes) => {
        const first = Math.floor(offsetBytes / BLOCK_SIZE_BYTES);
        const end = Math.ceil((offsetBytes + lengthBytes) / BLOCK_SIZE_BYTES);
        const start = first * BLOCK_SIZE_BYTES;
        current = { offsetBytes: start, bytes: this.read(start, (end - first) * BLOCK_SIZE_BYTES) };
        const corruption = verifier.checkBlocks(first, end - first);
        if (corruption)
          throw new VerityError(corruption.code, describeCorruption(corruption), { corruption });
        return current.bytes.subarray(offsetBytes - start, offsetBytes - start + lengthBytes);
      },
    };
  }

  #require(found: number | string, expected: number | string, what: string): void {
    if (found === expected) return;
    throw new PackError('PACK_INVALID', `${this.path}: expected ${what} ${expected}, found ${found}.`);
  }
}
