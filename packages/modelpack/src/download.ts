/** Brings files from the Hub straight into the image: several ranges at once, each file hashed in order as it arrives. */
import type { FileDigests } from './file-sink.ts';
import { PackError } from './error.ts';
import { type Hub, type HubFile, fetchRange } from './hub/index.ts';
import { quoted } from './hub/printable.ts';
import type { ImageWriter, PlannedFile } from './image-writer.ts';
import type { Journal } from './journal.ts';
import type { ImageWorker } from './workers.ts';

export interface Download {
  readonly hub: Hub;
  readonly repository: string;
  readonly commit: string;
  readonly files: readonly PlannedFile<HubFile>[];
  /** How many bytes of each file an earlier run left: see {@link presentBytesOf}. */
  readonly present: readonly number[];
  readonly writer: ImageWriter<HubFile>;
  readonly journal: Journal;
  readonly connections: number;
  /** Negative for bytes that turned out to be damaged. */
  readonly onBytes: (count: number, path: string) => void;
  readonly onWarning: (message: string) => void;
}

/** One request's worth, and one buffer's: a whole number of blocks. */
const RANGE_BYTES = 8 * 1024 * 1024;
/** Buffers beyond one for each connection: they hold ranges that wait for an earlier one of their file. */
const SPARE_BUFFERS = 4;

/**
 * @returns the digests, in the order of the files, each equal to what the Hub claims
 * @throws PackError CONTENT_MISMATCH, or HubError
 */
export async function downloadFiles(download: Download): Promise<FileDigests[]> {
  const { files, present } = download;
  const digests = await fetchAll(download, [...files.keys()], present);
  const damaged = [...files.keys()].filter((index) => !matches(files[index]!.source, digests[index]!));
  if (damaged.length === 0) return digests;
  // What an earlier run left may be broken (a machine that lost power): such files get one fresh start.
  tellDamaged(download, damaged);
  const anew = await fetchAll(download, damaged, []);
  for (const index of damaged) digests[index] = anew[index]!;
  return digests;
}

/** A journal's word is good for a start of the file that ends with a range, or for all of it. */
export function presentBytesOf(
  files: readonly PlannedFile<HubFile>[],
  noted: ReadonlyMap<number, number>,
): number[] {
  return files.map(({ placement: { sizeBytes } }, index) => {
    const bytes = noted.get(index) ?? 0;
    return bytes === sizeBytes || (bytes < sizeBytes && bytes % RANGE_BYTES === 0) ? bytes : 0;
  });
}

function tellDamaged({ files, onBytes, onWarning }: Download, damaged: readonly number[]): void {
  for (const index of damaged) {
    const { path, sizeBytes } = files[index]!.source;
    onBytes(-sizeBytes, path);
    onWarning(`what an earlier run left of ${quoted(path)} is damaged; the file is fetched again`);
  }
}

function matches(file: HubFile, digests: FileDigests): boolean {
  const { algorithm, hex } = file.digest;
  return (algorithm === 'sha256' ? digests.sha256 : digests.gitBlobSha1) === hex;
}

/** @throws PackError CONTENT_MISMATCH */
function requireMatch(
  { files, journal, repository, commit }: Download,
  index: number,
  found: FileDigests,
): void {
  const { source } = files[index]!;
  if (matches(source, found)) return;
  journal.note(index, 0); // Not to be believed by the next run either.
  const { algorithm, hex } = source.digest;
  const foundHex = algorithm === 'sha256' ? found.sha256 : found.gitBlobSha1;
  throw new PackError(
    'CONTENT_MISMATCH',
    `${repository} at ${commit}: the Hub promises ${quoted(source.path)} with ${algorithm} ${hex}, what it sent has ${foundHex ?? 'none'}. Nothing was packed. Try again; if it stays, the Hub or something on the way is broken or lying.`,
  );
}

interface Range {
  readonly file: Receiver;
  readonly startByte: number;
  readonly endByte: number;
}

/** A file that is arriving: ranges may come out of order, the worker gets them in order. */
class Receiver {
  readonly index: number;
  readonly planned: PlannedFile<HubFile>;
  readonly worker: ImageWorker;
  readonly digests: Promise<FileDigests>;
  readonly #waiting = new Map<number, { buffer: ArrayBuffer; lengthBytes: number }>();
  readonly #done = Promise.withResolvers<FileDigests>();
  readonly #journal: Journal;
  #chain: Promise<unknown>;
  #nextByte: number;

  constructor(
    index: number,
    planned: PlannedFile<HubFile>,
    worker: ImageWorker,
    present: number,
    journal: Journal,
  ) {
    this.index = index;
    this.planned = planned;
    this.worker = worker;
    this.digests = this.#done.promise;
    this.#journal = journal;
    this.#nextByte = present;
    this.#chain = worker.ask({
      kind: 'begin',
      file: index,
      placement: planned.placement,
      gitBlob: planned.source.digest.algorithm === 'git-blob-sha1',
      presentBytes: present,
    });
    this.#chain.catch(this.#done.reject);
    if (present === planned.placement.sizeBytes) this.#end();
  }

  /** @param release gets the buffer back when it is written */
  deliver(
    startByte: number,
    buffer: ArrayBuffer,
    lengthBytes: number,
    release: (buffer: ArrayBuffer) => void,
  ): void {
    this.#waiting.set(startByte, { buffer, lengthBytes });
    for (let next = this.#waiting.get(this.#nextByte); next; next = this.#waiting.get(this.#nextByte)) {
      this.#waiting.delete(this.#nextByte);
      this.#nextByte += next.lengthBytes;
      this.#write(next.buffer, next.lengthBytes, this.#nextByte, release);
    }
    if (this.#nextByte === this.planned.placement.sizeBytes) this.#end();
  }

  #write(
    buffer: ArrayBuffer,
    lengthBytes: number,
    presentAfter: number,
    release: (buffer: ArrayBuffer) => void,
  ): void {
    this.#chain = this.#chain.then(async () => {
      release(await this.worker.ask({ kind: 'piece', file: this.index, buffer, lengthBytes }, [buffer]));
      this.#journal.note(this.index, presentAfter);
    });
    this.#chain.catch(this.#done.reject);
  }

  #end(): void {
    this.#chain = this.#chain.then(() => this.worker.ask({ kind: 'end', file: this.index }));
    this.#chain.then((digests) => this.#done.resolve(digests as FileDigests), this.#done.reject);
  }
}

/**
 * @returns the digests at the files' own indexes; only of files that were partly present, they may be wrong
 * @throws PackError CONTENT_MISMATCH of the first file whose bytes all came from the Hub and are not those it claims
 */
async function fetchAll(
  download: Download,
  indexes: readonly number[],
  present: readonly number[],
): Promise<FileDigests[]> {
  const failure = Promise.withResolvers<never>();
  const digests: FileDigests[] = [];
  const finished: Promise<void>[] = [];
  const ranges = rangesOf(download, indexes, present, (receiver) => {
    const proven = receiver.digests.then((found) => {
      if ((present[receiver.index] ?? 0) === 0) requireMatch(download, receiver.index, found);
      digests[receiver.index] = found;
    });
    proven.catch(failure.reject);
    finished.push(proven);
  });
  await Promise.race([fetchRanges(download, ranges), failure.promise]);
  await Promise.all(finished);
  return digests;
}

/** As many requests at once as there are connections; ends when the last range was handed over. */
async function fetchRanges(download: Download, ranges: Iterator<Range, undefined>): Promise<void> {
  const buffers = new BufferPool(download.connections + SPARE_BUFFERS);
  const connection = async (): Promise<void> => {
    for (;;) {
      // The buffer first, then the range: so the earliest range under way always has one, and nothing waits for ever.
      const buffer = await buffers.take();
      const next = ranges.next();
      if (next.done) {
        buffers.give(buffer);
        return;
      }
      const { file, startByte, endByte } = next.value;
      await fetchInto(download, file.planned.source, startByte, endByte, new Uint8Array(buffer));
      file.deliver(startByte, buffer, endByte - startByte, (back) => buffers.give(back));
    }
  };
  await Promise.all(Array.from({ length: download.connections }, connection));
}

function* rangesOf(
  download: Download,
  indexes: readonly number[],
  present: readonly number[],
  onFile: (receiver: Receiver) => void,
): Generator<Range, undefined> {
  for (const index of indexes) {
    const planned = download.files[index]!;
    const { sizeBytes } = planned.placement;
    const start = present[index] ?? 0;
    const file = new Receiver(index, planned, download.writer.leastLoaded(), start, download.journal);
    onFile(file);
    if (start > 0) download.onBytes(start, planned.source.path);
    for (let at = start; at < sizeBytes; at += RANGE_BYTES) {
      yield { file, startByte: at, endByte: Math.min(sizeBytes, at + RANGE_BYTES) };
    }
  }
  return undefined;
}

async function fetchInto(
  { hub, repository, commit, onBytes }: Download,
  file: HubFile,
  startByte: number,
  endByte: number,
  into: Uint8Array,
): Promise<void> {
  let at = 0;
  for await (const chunk of fetchRange(hub, repository, commit, file, startByte, endByte)) {
    into.set(chunk, at);
    at += chunk.length;
    onBytes(chunk.length, file.path);
  }
}

/** A fixed number of buffers, made when first wanted. */
class BufferPool {
  readonly #free: ArrayBuffer[] = [];
  readonly #waiting: ((buffer: ArrayBuffer) => void)[] = [];
  #unmade: number;

  constructor(count: number) {
    this.#unmade = count;
  }

  take(): Promise<ArrayBuffer> {
    const buffer = this.#free.pop();
    if (buffer) return Promise.resolve(buffer);
    if (this.#unmade > 0) {
      this.#unmade--;
      return Promise.resolve(new ArrayBuffer(RANGE_BYTES));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(buffer: ArrayBuffer): void {
    const next = this.#waiting.shift();
    if (next) next(buffer);
    else this.#free.push(buffer);
  }
}
