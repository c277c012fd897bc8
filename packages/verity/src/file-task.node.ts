/** The part of a file's work that several threads share: the data is cut into claims, and every thread takes the next. */
import { closeSync } from 'node:fs';
import type { Corruption } from './error.ts';
import { FileStore, openFile, writeFully } from './file-store.node.ts';
import { treeGeometry, type HashPlacement, type TreeGeometry } from './geometry.ts';
import { createTreeHashers } from './hasher.node.ts';
import type { TreeHashers } from './hasher.ts';
import type { VerityParameters } from './parameters.ts';
import { RangeVerifier } from './range-verifier.ts';

/** What a thread is told; plain data. */
export interface FileTask {
  /** Write the leaf digests of the tree, or check the data against the root hash. */
  readonly kind: { readonly name: 'format' } | { readonly name: 'check'; readonly rootHash: Uint8Array };
  readonly dataPath: string;
  readonly hashPath: string;
  readonly parameters: VerityParameters;
  readonly placement: HashPlacement;
  readonly native: 'auto' | 'never';
  /** Data blocks in one claim. */
  readonly claimBlocks: number;
  readonly claimCount: number;
}

/** The first corruption that a thread met. */
export interface ClaimedCorruption {
  readonly claim: number;
  readonly corruption: Corruption;
}

/** How much data is read and hashed at once, in bytes (at least one block): it should stay in a core's cache. */
const pieceSizeBytes = 256 * 1024;
const maxClaimSizeBytes = 8 * 1024 * 1024; // So that the number of claims fits 31 bits whatever the size.
const none = 0x7fffffff;

/** How to cut the data so that all threads are busy to the end. */
export function cutIntoClaims(
  parameters: VerityParameters,
  jobs: number,
): Pick<FileTask, 'claimBlocks' | 'claimCount'> {
  const { dataBlockCount, dataBlockSizeBytes } = parameters;
  const fairSizeBytes = (dataBlockCount * dataBlockSizeBytes) / (jobs * 8);
  const sizeBytes = Math.min(maxClaimSizeBytes, Math.max(pieceSizeBytes, fairSizeBytes));
  const claimBlocks = 2 ** Math.max(0, Math.floor(Math.log2(sizeBytes / dataBlockSizeBytes)));
  return { claimBlocks, claimCount: Math.ceil(dataBlockCount / claimBlocks) };
}

/** What the threads of one task share. */
export class ClaimBoard {
  /** The next claim, whether to stop, how many are done, the lowest one with a corruption. */
  readonly shared: Int32Array<SharedArrayBuffer>;

  constructor(shared?: Int32Array<SharedArrayBuffer>) {
    this.shared = shared ?? new Int32Array(new SharedArrayBuffer(16)).fill(none, 3);
  }

  /** The next claim, or undefined when there is nothing to do any more. Claims are handed out in ascending order. */
  take(claimCount: number): number | undefined {
    if (Atomics.load(this.shared, 1) !== 0) return undefined;
    const claim = Atomics.add(this.shared, 0, 1);
    return claim < claimCount && claim < Atomics.load(this.shared, 3) ? claim : undefined;
  }

  /** Makes every thread stop at its next piece of data. */
  stop(): void {
    Atomics.store(this.shared, 1, 1);
  }

  get isStopped(): boolean {
    return Atomics.load(this.shared, 1) !== 0;
  }

  done(): void {
    Atomics.add(this.shared, 2, 1);
  }

  get doneCount(): number {
    return Atomics.load(this.shared, 2);
  }

  /** From now on only claims below this one are of interest. */
  corrupt(claim: number): void {
    for (let lowest = Atomics.load(this.shared, 3); claim < lowest;) {
      const seen = Atomics.compareExchange(this.shared, 3, lowest, claim);
      if (seen === lowest) return;
      lowest = seen;
    }
  }
}

/**
 * Works on claims until there are none.
 * @throws VerityError IO, TRUNCATED
 */
export function workOnClaims(task: FileTask, board: ClaimBoard): ClaimedCorruption | undefined {
  const data = openFile(task.dataPath, 'read');
  try {
    const tree = openFile(task.hashPath, task.kind.name === 'format' ? 'write' : 'read');
    try {
      const work = task.kind.name === 'format' ? formatter(task, data, tree) : checker(task, data, tree);
      return takeClaims(task, board, work);
    } finally {
      closeSync(tree);
    }
  } finally {
    closeSync(data);
  }
}

/** Works on the data blocks from `first` to before `end`; asks between pieces whether to go on. */
type Work = (first: number, end: number, isStopped: () => boolean) => Corruption | undefined;

function takeClaims(task: FileTask, board: ClaimBoard, work: Work): ClaimedCorruption | undefined {
  const { claimBlocks, claimCount, parameters } = task;
  const isStopped = () => board.isStopped;
  for (;;) {
    const claim = board.take(claimCount);
    if (claim === undefined) return undefined;
    const first = claim * claimBlocks;
    const corruption = work(first, Math.min(first + claimBlocks, parameters.dataBlockCount), isStopped);
    if (corruption !== undefined) {
      board.corrupt(claim);
      return { claim, corruption }; // All claims that this thread could still take lie behind it.
    }
    board.done();
  }
}

function prepare({ parameters, placement, native }: FileTask): {
  geometry: TreeGeometry;
  hashers: TreeHashers;
  pieceBlocks: number;
} {
  return {
    geometry: treeGeometry(parameters, placement),
    hashers: createTreeHashers(parameters, { native }),
    pieceBlocks: Math.max(1, Math.floor(pieceSizeBytes / parameters.dataBlockSizeBytes)),
  };
}

/** For trees with at least one level. */
function formatter(task: FileTask, data: number, tree: number): Work {
  const { geometry, hashers, pieceBlocks } = prepare(task);
  const { dataBlockSizeBytes } = task.parameters;
  const { digestStrideBytes } = geometry;
  const leavesOffsetBytes = geometry.levels[0]!.offsetBytes;
  const source = new FileStore(data, task.dataPath);
  const digests = new Uint8Array(task.claimBlocks * digestStrideBytes);
  return (first, end, isStopped) => {
    for (let block = first; block < end; block += pieceBlocks) {
      if (isStopped()) return undefined;
      const count = Math.min(pieceBlocks, end - block);
      const blocks = source.read(block * dataBlockSizeBytes, count * dataBlockSizeBytes);
      hashers.data.hashBlocks(blocks, digests.subarray((block - first) * digestStrideBytes));
    }
    const made = digests.subarray(0, (end - first) * digestStrideBytes);
    writeFully(tree, task.hashPath, made, leavesOffsetBytes + first * digestStrideBytes);
    return undefined;
  };
}

function checker(task: FileTask, data: number, tree: number): Work {
  const { parameters, kind } = task;
  const { geometry, hashers, pieceBlocks } = prepare(task);
  const rootHash = kind.name === 'check' ? kind.rootHash : new Uint8Array(0);
  const verifier = new RangeVerifier({
    parameters,
    geometry,
    hashers,
    rootHash,
    data: new FileStore(data, task.dataPath),
    tree: new FileStore(tree, task.hashPath),
  });
  return (first, end, isStopped) => {
    for (let block = first; block < end; block += pieceBlocks) {
      if (isStopped()) return undefined;
      const corruption = verifier.checkBlocks(block, Math.min(pieceBlocks, end - block));
      if (corruption !== undefined) return corruption;
    }
    return undefined;
  };
}
