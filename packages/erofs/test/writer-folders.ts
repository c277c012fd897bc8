/**
 * Folders for tests of the writer: a description that fast-check makes and shrinks, and what puts it on disk.
 *
 * A description is a flat list, each item naming its parent by number, so that shrinking is the dropping of items:
 * whatever is left is still a folder. Names and link targets are byte strings (one character a byte, Latin-1).
 */
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { getuid } from 'node:process';
import fc from 'fast-check';

export interface FolderSketch {
  readonly permissions: number;
  readonly items: readonly Item[];
}

export interface Item {
  /** Counts the directories before this item, the root first, and wraps around. */
  readonly parent: number;
  readonly name: string;
  readonly thing: Thing;
}

export type Thing =
  | { readonly kind: 'directory'; readonly permissions: number }
  | { readonly kind: 'file'; readonly permissions: number; readonly sizeBytes: number }
  | { readonly kind: 'symlink'; readonly target: string }
  /** One more name of a file or symlink before this item; nothing if there is none. */
  | { readonly kind: 'hardLink'; readonly to: number }
  /** A directory with many files. */
  | {
      readonly kind: 'crowd';
      readonly count: number;
      readonly nameBytes: number;
      readonly sizeBytes: number;
    };

export interface SketchOptions {
  /** Names that are not UTF-8 too. By default they are left out. */
  readonly anyBytes?: boolean;
}

/** The folders that a writer has to get right, small for the most part. */
export function folderSketches(options: SketchOptions = {}): fc.Arbitrary<FolderSketch> {
  const item = fc.record({ parent: fc.nat({ max: 30 }), name: names(options), thing: things() });
  const items = fc.oneof(
    { weight: 9, arbitrary: fc.array(item, { maxLength: 20, size: 'max' }) },
    { weight: 1, arbitrary: fc.array(item, { maxLength: 120, size: 'max' }) },
  );
  return fc.record({ permissions: permissionBits(), items });
}

/** Around whole blocks, and around the most that an inode (32 bytes) leaves for inline data in a block. */
export const BOUNDARY_SIZES: readonly number[] = [
  0, 1, 31, 32, 33, 2015, 2016, 2047, 2048, 2912, 4031, 4032, 4033, 4063, 4064, 4065, 4095, 4096, 4097, 8159,
  8160, 8161, 8191, 8192, 8193, 12287, 12288, 12289,
];

/**
 * `-x` sorts before `.`, `.-` between `.` and `..`. At most 254 bytes: mkfs.erofs 1.5 cuts a name of 255 bytes short
 * when it looks at the file, and fails.
 */
function names(options: SketchOptions): fc.Arbitrary<string> {
  const utf8 = fc
    .oneof(
      { weight: 3, arbitrary: fc.stringMatching(/^[a-z0-9]{1,8}(\.[a-z]{1,4})?$/) },
      { weight: 2, arbitrary: textOf('!+-.,/#$%&\'()*~ \t\n\\"@a', 6) },
      { weight: 2, arbitrary: textOf('äßéñøłžабвгдλμωאבגعربहिन्दीไทย模型権重모델ਪੰ🙂🧊', 12) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }) },
      { weight: 1, arbitrary: lengthened() },
    )
    .map((text) => bytesOf(text));
  const bytes = fc
    .uint8Array({ minLength: 1, maxLength: 40 })
    .map((name) => Buffer.from(name).toString('latin1'));
  const any = options.anyBytes
    ? fc.oneof({ weight: 4, arbitrary: utf8 }, { weight: 1, arbitrary: bytes })
    : utf8;
  return any.filter(isName);
}

function textOf(characters: string, maxLength: number): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom(...Array.from(characters)), { minLength: 1, maxLength, size: 'max' })
    .map((picked) => picked.join(''));
}

function lengthened(): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom('n', '-', 'é', '模'), fc.integer({ min: 100, max: 254 }))
    .map(([character, limitBytes]) =>
      character.repeat(Math.floor(limitBytes / Buffer.byteLength(character))),
    );
}

function isName(name: string): boolean {
  if (name === '.' || name === '..' || name.length > 254) return false;
  return !/[/\0]/.test(name) && !name.startsWith('lost+found') && name !== '.cache';
}

function things(): fc.Arbitrary<Thing> {
  const permissions = permissionBits();
  return fc.oneof<fc.MaybeWeightedArbitrary<Thing>[]>(
    { weight: 10, arbitrary: fc.record({ kind: fc.constant('file'), permissions, sizeBytes: sizes() }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('directory'), permissions }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('symlink'), target: targets() }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('hardLink'), to: fc.nat({ max: 50 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('crowd'),
        count: fc.integer({ min: 1, max: 400 }),
        nameBytes: fc.integer({ min: 4, max: 250 }),
        sizeBytes: fc.oneof(fc.constant(0), fc.nat({ max: 300 })),
      }),
    },
  );
}

/** Any of 07777; who is not root keeps what it needs to read its own folder. */
function permissionBits(): fc.Arbitrary<number> {
  return fc.oneof(fc.constantFrom(0o644, 0o755, 0o600, 0, 0o7777), fc.nat({ max: 0o7777 }));
}

function sizes(): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...BOUNDARY_SIZES) },
    { weight: 6, arbitrary: fc.nat({ max: 9000 }) },
    { weight: 1, arbitrary: fc.nat({ max: 300_000 }) },
  );
}

function targets(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('.', '../x', '/etc/passwd', 'a/b/c', bytesOf('模型/重み')) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(4000, 4063, 4064, 4065, 4095).map((length) => 't'.repeat(length)),
    },
  );
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** Longer paths are skipped: the system takes no more than 4095 bytes at once. */
const PATH_LIMIT_BYTES = 3000;

/**
 * Puts a folder on disk. Items whose name is taken in their directory are skipped.
 * @returns how many names of files and symbolic links it has now
 */
export function materialise(sketch: FolderSketch, folder: string): number {
  return new Materialisation(folder).run(sketch);
}

class Materialisation {
  readonly #directories: { path: Buffer; permissions: number }[] = [];
  readonly #linkable: Buffer[] = [];
  readonly #taken = new Set<string>();
  #names = 0;

  constructor(folder: string) {
    this.#makeDirectory(Buffer.from(folder), 0o755);
  }

  run({ permissions, items }: FolderSketch): number {
    for (const item of items) this.#add(item);
    const [root, ...others] = this.#directories;
    // Last, deepest first: who is not root could not fill a folder that it may not write to.
    for (const { path, permissions } of others.reverse()) chmodSync(path, readable(permissions, 0o700));
    chmodSync(root!.path, readable(permissions, 0o700));
    return this.#names;
  }

  #add({ parent, name, thing }: Item): void {
    const directory = this.#directories[parent % this.#directories.length]!.path;
    const path = Buffer.concat([directory, Buffer.from('/'), Buffer.from(name, 'latin1')]);
    const key = path.toString('latin1');
    if (this.#taken.has(key) || path.length > PATH_LIMIT_BYTES) return;
    this.#taken.add(key);
    switch (thing.kind) {
      case 'file':
        this.#writeFile(path, thing.sizeBytes, thing.permissions);
        return;
      case 'directory':
        this.#makeDirectory(path, thing.permissions);
        return;
      case 'symlink':
        symlinkSync(Buffer.from(thing.target, 'latin1'), path);
        this.#linkable.push(path);
        this.#names++;
        return;
      case 'hardLink':
        if (this.#linkable.length === 0) return;
        linkSync(this.#linkable[thing.to % this.#linkable.length]!, path);
        this.#names++;
        return;
      case 'crowd':
        this.#makeCrowd(path, thing);
        return;
    }
  }

  #makeDirectory(path: Buffer, permissions: number): void {
    mkdirSync(path);
    this.#directories.push({ path, permissions });
  }

  #writeFile(path: Buffer, sizeBytes: number, permissions: number): void {
    writeFileSync(path, contentOf(this.#names++, sizeBytes));
    chmodSync(path, readable(permissions, 0o400));
    this.#linkable.push(path);
  }

  #makeCrowd(path: Buffer, { count, nameBytes, sizeBytes }: Thing & { kind: 'crowd' }): void {
    this.#makeDirectory(path, 0o755);
    for (let i = 0; i < count; i++) {
      const name = Buffer.from(`/${i}`.padEnd(nameBytes + 1, 'n'));
      writeFileSync(Buffer.concat([path, name]), contentOf(i, sizeBytes));
    }
    this.#names += count;
  }
}

function readable(permissions: number, needed: number): number {
  return getuid?.() === 0 ? permissions : permissions | needed;
}

/** Bytes that differ from file to file and from block to block. */
export function contentOf(seed: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = (seed + 1) * 0x9e3779b1;
  for (let i = 0; i < sizeBytes; i++) {
    state = Math.imul(state, 1664525) + 1013904223;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
