import { VerityError } from './error.ts';
import type { TreeGeometry } from './geometry.ts';
import type { HashStore } from './tree.ts';

/** Keeps the hash area of a small tree in memory. */
export class MemoryStore implements HashStore {
  /** The hash area, from the superblock's place (or the tree's) to the tree's end; unwritten bytes are zero. */
  readonly bytes: Uint8Array;
  readonly #offsetBytes: number;

  constructor(geometry: TreeGeometry) {
    this.bytes = new Uint8Array(geometry.hashAreaSizeBytes);
    this.#offsetBytes = geometry.hashOffsetBytes;
  }

  write(offsetBytes: number, bytes: Uint8Array): void {
    this.#range(offsetBytes, bytes.length).set(bytes);
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    return this.#range(offsetBytes, lengthBytes);
  }

  #range(offsetBytes: number, lengthBytes: number): Uint8Array {
    const start = offsetBytes - this.#offsetBytes;
    if (start < 0 || start + lengthBytes > this.bytes.length) {
      throw new VerityError(
        'PARAMETER_INVALID',
        `Bytes ${offsetBytes} to ${offsetBytes + lengthBytes - 1} are outside of the hash area.`,
      );
    }
    return this.bytes.subarray(start, start + lengthBytes);
  }
}
