/** What the packing thread and its workers say to each other. */
import type { FolderFile } from '@vitrine/erofs/node';
import type { PackErrorCode } from './error.ts';
import type { FileDigests, FilePlacement } from './file-sink.ts';

/** What a worker is started with. */
export interface WorkerSetUp {
  readonly packPath: string;
  readonly salt: Uint8Array;
  readonly leavesOffsetBytes: number | undefined;
  readonly native: 'auto' | 'never';
}

export interface LocalFile {
  readonly source: FolderFile;
  readonly placement: FilePlacement;
}

/** Each is answered by one {@link Answer} with its id. */
export type Request =
  /** Copies files of a folder; answers their digests, in order. */
  | { readonly kind: 'copy'; readonly files: readonly LocalFile[] }
  /**
   * Opens a file that arrives in pieces. Its first `presentBytes` are in the image already, from an earlier run:
   * they are read back and hashed, and so proven or disproven with all the rest.
   */
  | {
      readonly kind: 'begin';
      readonly file: number;
      readonly placement: FilePlacement;
      readonly gitBlob: boolean;
      readonly presentBytes: number;
    }
  /** The next piece; the answer gives the buffer back. */
  | {
      readonly kind: 'piece';
      readonly file: number;
      readonly buffer: ArrayBuffer;
      readonly lengthBytes: number;
    }
  /** All pieces were sent; answers the digests. */
  | { readonly kind: 'end'; readonly file: number };

export interface Answers {
  copy: FileDigests[];
  begin: null;
  piece: ArrayBuffer;
  end: FileDigests;
}

export interface Failure {
  readonly code: PackErrorCode | undefined;
  readonly message: string;
}

export type FromWorker =
  | { readonly id: number; readonly value: Answers[keyof Answers] }
  | { readonly id: number; readonly failure: Failure }
  /** How many bytes more were copied; not an answer. */
  | { readonly copiedBytes: number; readonly file: string };
