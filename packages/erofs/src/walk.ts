/** Visits everything in an image, depth first, without recursion and without being led in circles. */
import { ErofsError } from './error.ts';
import { directoryRecords, type DirectoryRecord, type Report } from './reader-directory.ts';
import { type ImageEntry, type OpenedImage, readEntry } from './reader-entry.ts';

export type RootedImage = OpenedImage & { readonly root: ImageEntry };

/** The manner of a strict reading: the first thing that is wrong ends it. */
export const throwIt: Report = (error) => {
  throw error;
};

/** Something wrong, with the place in the tree where it was met. */
export interface WalkProblem {
  readonly error: ErofsError;
  readonly directory: ImageEntry;
  /** The directory's record that it is about; without one it is about the directory itself. */
  readonly record?: DirectoryRecord;
  /** The record's inode could not be read, so there is no entry for it. */
  readonly isInodeUnreadable?: boolean;
}

/**
 * Every entry, the root first, a directory before what is in it, names in bytewise order.
 * @throws ErofsError at the first thing that is wrong
 */
export function walk(image: RootedImage): AsyncGenerator<ImageEntry, void, undefined> {
  return traverse(image, ({ error }) => throwIt(error));
}

interface OpenDirectory {
  readonly entry: ImageEntry;
  readonly records: AsyncGenerator<DirectoryRecord, void, undefined>;
}

/**
 * As {@link walk}, but hands on what is wrong; if `onProblem` returns, the walk goes on with what can still be read.
 * Work is bounded by the image's size: no directory is read twice, and directories cannot share bytes for long, because
 * all that are read together may not be larger than the image.
 */
export async function* traverse(
  image: RootedImage,
  onProblem: (problem: WalkProblem) => void,
): AsyncGenerator<ImageEntry, void, undefined> {
  const visits = new DirectoryVisits(image);
  const stack: OpenDirectory[] = [];
  const enter = (entry: ImageEntry): void => {
    const report: Report = (error) => onProblem({ error, directory: entry });
    stack.push({ entry, records: directoryRecords(image.bytes, entry, report) });
  };
  let entries = 0;

  visits.add(image.root);
  yield image.root;
  enter(image.root);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = await top.records.next();
    if (next.done === true) {
      stack.pop();
      continue;
    }
    const directory = top.entry;
    const record = next.value;
    const report: Report = (error) => onProblem({ error, directory, record });
    if (++entries > image.limits.maxEntries) {
      report(
        new ErofsError(
          'LIMIT_EXCEEDED',
          `The image has more than ${image.limits.maxEntries} entries, which is the limit.`,
        ),
      );
      return;
    }
    const entry = await readEntryOr(image, directory, record, onProblem);
    if (entry === undefined) continue;
    if (entry.inode.kind !== 'directory') {
      yield entry;
      continue;
    }
    const fault = visits.add(entry);
    if (fault !== undefined) {
      report(new ErofsError('CORRUPT', `Reading directory "${entry.path}": ${fault}`));
      continue;
    }
    yield entry;
    enter(entry);
  }
}

async function readEntryOr(
  image: OpenedImage,
  directory: ImageEntry,
  record: DirectoryRecord,
  onProblem: (problem: WalkProblem) => void,
): Promise<ImageEntry | undefined> {
  try {
    return await readEntry(image, directory, record, (error) => onProblem({ error, directory, record }));
  } catch (error) {
    if (!(error instanceof ErofsError)) throw error;
    onProblem({ error, directory, record, isInodeUnreadable: error.code !== 'LIMIT_EXCEEDED' });
    return undefined;
  }
}

/** A directory has one place in the tree; one that is met again closes a loop or is claimed by two parents. */
class DirectoryVisits {
  readonly #pathByNid = new Map<bigint, string>();
  readonly #imageSizeBytes: number;
  #readBytes = 0;

  constructor(image: OpenedImage) {
    this.#imageSizeBytes = image.bytes.sizeBytes;
  }

  /** @returns why the directory must not be entered */
  add({ nid, path, inode }: ImageEntry): string | undefined {
    const seen = this.#pathByNid.get(nid);
    if (seen !== undefined) {
      const isAncestor = seen === '' || path.startsWith(`${seen}/`);
      return `its inode ${nid.toString()} is ${isAncestor ? 'the one of its own ancestor' : 'already directory'} "${seen}".`;
    }
    this.#pathByNid.set(nid, path);
    this.#readBytes += inode.sizeBytes;
    if (this.#readBytes <= this.#imageSizeBytes) return undefined;
    return `all directories up to this one have ${this.#readBytes} bytes, more than the image (${this.#imageSizeBytes}): some share their bytes.`;
  }
}
