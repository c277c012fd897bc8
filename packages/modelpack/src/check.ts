/** `vitrine check`: is this the pack that it should be, to the last bit, and if not, what is hurt? */
import { type BlockOwner, type ErofsImage, ErofsError, openImage, ownersOfBlocks } from '@vitrine/erofs';
import { type Corruption, VerityError } from '@vitrine/verity';
import { checkFile } from '@vitrine/verity/node';
import { createHash } from 'node:crypto';
import { PackError } from './error.ts';
import type { Expectation } from './expectation.ts';
import type { Manifest } from './manifest.ts';
import { formatUuid, packSalt, packUuid, parsePackName } from './name.ts';
import { PackFile } from './pack-file.ts';

export type Verdict = 'pass' | 'fail' | 'not-checked';

/** One line of the answer. */
export interface CheckLine {
  readonly check: 'structure' | 'root' | 'blocks' | 'uuid' | 'name' | 'files';
  readonly verdict: Verdict;
  /** Stable, for a check that failed. */
  readonly code?: string;
  readonly message: string;
}

export interface DamagedFile {
  /** As `ls` shows it; empty for the root folder. */
  readonly path: string;
  readonly part: BlockOwner['part'];
}

export interface PackCheck {
  /** `fail` when any check failed; `not-checked` when nothing failed but the root could not be held against anything. */
  readonly verdict: Verdict;
  readonly lines: readonly CheckLine[];
  readonly rootHash: string | undefined;
  /** What has bytes in the first bad block, as far as that can still be told. */
  readonly damaged: readonly DamagedFile[];
  readonly corruption?: Corruption;
}

export interface CheckPackOptions {
  readonly expected?: Expectation;
  readonly jobs?: number;
  readonly onProgress?: (checkedBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Checks every byte of a pack: lengths, superblocks, padding, tree, data. With a manifest also its name and every file.
 * What is wrong with the pack is an answer; an error means that it could not be read.
 */
export async function checkPack(path: string, options: CheckPackOptions = {}): Promise<PackCheck> {
  const file = new PackFile(path);
  try {
    return await new PackChecker(file, options).check();
  } finally {
    file.close();
  }
}

class PackChecker {
  readonly #file: PackFile;
  readonly #options: CheckPackOptions;
  readonly #lines: CheckLine[] = [];

  constructor(file: PackFile, options: CheckPackOptions) {
    this.#file = file;
    this.#options = options;
  }

  async check(): Promise<PackCheck> {
    const { expected } = this.#options;
    const structure = this.#checkStructure();
    if (!structure) return this.#answer(expected?.rootHash);
    const { parameters, geometry } = structure;
    const claimed = Buffer.from(this.#file.claimedRootHash(parameters, geometry)).toString('hex');
    this.#checkRoot(claimed);
    const rootHash = expected?.rootHash ?? claimed;
    const found = await this.#checkBlocks(structure, rootHash);
    if (found) return this.#answer(rootHash, found.damaged, found.corruption);
    this.#checkUuid(parameters.uuid);
    if (expected?.manifest) {
      this.#checkName(expected.manifest, parameters);
      await this.#checkFiles(expected.manifest, structure, rootHash);
    }
    return this.#answer(rootHash);
  }

  #checkStructure(): ReturnType<PackFile['verityAt']> | undefined {
    try {
      const offsetBytes = this.#options.expected?.hashOffsetBytes ?? this.#file.claimedHashOffset();
      const structure = this.#file.verityAt(offsetBytes);
      this.#pass(
        'structure',
        `${structure.parameters.dataBlockCount} blocks, tree behind byte ${offsetBytes}, nothing besides`,
      );
      return structure;
    } catch (error) {
      this.#fail('structure', error);
      return undefined;
    }
  }

  #checkRoot(claimed: string): void {
    const { expected } = this.#options;
    if (!expected) {
      this.#lines.push({
        check: 'root',
        verdict: 'not-checked',
        message: `no root hash was given and there is no .info beside the pack; it claims ${claimed}`,
      });
    } else if (expected.rootHash === claimed) {
      this.#pass('root', `${claimed}, as ${expected.origin} says`);
    } else {
      this.#lines.push({
        check: 'root',
        verdict: 'fail',
        code: 'ROOT_MISMATCH',
        message: `${expected.origin} says ${expected.rootHash}, the tree's top gives ${claimed}`,
      });
    }
  }

  async #checkBlocks(
    { parameters, geometry }: ReturnType<PackFile['verityAt']>,
    rootHash: string,
  ): Promise<{ corruption: Corruption; damaged: DamagedFile[] } | undefined> {
    const { jobs, signal, onProgress } = this.#options;
    const checked = await checkFile({
      dataPath: this.#file.path,
      hashOffsetBytes: geometry.hashOffsetBytes,
      parameters,
      rootHash: Buffer.from(rootHash, 'hex'),
      ...(jobs === undefined ? {} : { jobs }),
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress: ({ doneBytes, totalBytes }) => onProgress(doneBytes, totalBytes) } : {}),
    });
    if (checked.intact) {
      this.#pass(
        'blocks',
        `${parameters.dataBlockCount} data blocks and ${geometry.hashBlockCount} hash blocks hash to the root`,
      );
      return undefined;
    }
    const { corruption } = checked;
    const damaged =
      corruption.level < 0 ? await this.#ownersOf(corruption.blockIndex, geometry.hashOffsetBytes) : [];
    this.#lines.push({
      check: 'blocks',
      verdict: 'fail',
      code: corruption.code,
      message: `${nameDamaged(corruption, damaged)}${checked.message}`,
    });
    return { corruption, damaged };
  }

  /** Read without proof, because proof is what failed: good enough to name a name, and for nothing else. */
  async #ownersOf(blockIndex: number, imageSizeBytes: number): Promise<DamagedFile[]> {
    try {
      const image = await openImage(this.#file.unverified(imageSizeBytes), { diagnose: true });
      const { owners } = await ownersOfBlocks(image, [blockIndex]);
      return (owners.get(blockIndex) ?? []).map(({ path, part }) => ({ path, part }));
    } catch (error) {
      if (error instanceof ErofsError) return [];
      throw error;
    }
  }

  #checkUuid(found: Uint8Array): void {
    const expected = this.#options.expected?.uuid;
    if (expected === undefined) return;
    if (formatUuid(found) === expected) this.#pass('uuid', expected);
    else this.#mismatch('uuid', 'UUID_MISMATCH', `expected ${expected}, found ${formatUuid(found)}`);
  }

  #checkName(manifest: Manifest, { salt, uuid }: { salt: Uint8Array; uuid: Uint8Array }): void {
    const name = parsePackName(manifest.name);
    const fits = Buffer.compare(packSalt(name), salt) === 0 && Buffer.compare(packUuid(name), uuid) === 0;
    if (fits) this.#pass('name', `${manifest.name}: salt and UUID follow from it`);
    else this.#mismatch('name', 'NAME_MISMATCH', `salt and UUID are not those of ${manifest.name}`);
  }

  async #checkFiles(
    manifest: Manifest,
    { parameters, geometry }: ReturnType<PackFile['verityAt']>,
    rootHash: string,
  ): Promise<void> {
    try {
      const source = this.#file.verified(parameters, geometry, Buffer.from(rootHash, 'hex'));
      const difference =
        parameterDifference({ parameters, geometry }, manifest) ??
        (await firstDifference(await openImage(source), manifest));
      if (difference) this.#mismatch('files', 'MANIFEST_MISMATCH', difference);
      else
        this.#pass(
          'files',
          `${manifest.files.length} files and ${manifest.symlinks.length} links as in the manifest`,
        );
    } catch (error) {
      this.#fail('files', error);
    }
  }

  #pass(check: CheckLine['check'], message: string): void {
    this.#lines.push({ check, verdict: 'pass', message });
  }

  #mismatch(check: CheckLine['check'], code: string, message: string): void {
    this.#lines.push({ check, verdict: 'fail', code, message });
  }

  #fail(check: CheckLine['check'], error: unknown): void {
    if (!(error instanceof PackError || error instanceof VerityError || error instanceof ErofsError))
      throw error;
    this.#mismatch(check, error.code, error.message);
  }

  #answer(
    rootHash: string | undefined,
    damaged: readonly DamagedFile[] = [],
    corruption?: Corruption,
  ): PackCheck {
    const failed = this.#lines.some(({ verdict }) => verdict === 'fail');
    const unsure = this.#lines.some(({ verdict }) => verdict === 'not-checked');
    const verdict = failed ? 'fail' : unsure ? 'not-checked' : 'pass';
    return { verdict, lines: this.#lines, rootHash, damaged, ...(corruption ? { corruption } : {}) };
  }
}

function nameDamaged(corruption: Corruption, damaged: readonly DamagedFile[]): string {
  if (corruption.level >= 0) return 'The hash tree is damaged. ';
  if (damaged.length === 0)
    return `Block ${corruption.blockIndex} is damaged; no file's name could be found for it. `;
  const names = damaged.map(({ path, part }) => {
    if (part === 'superblock') return 'the superblock';
    return part === 'data' ? path || 'the root folder' : `${path || 'the root folder'} (${part})`;
  });
  const shown = [...new Set(names)];
  const more = shown.length > 5 ? ` and ${shown.length - 5} more` : '';
  return `Damaged: ${shown.slice(0, 5).join(', ')}${more}. `;
}

/** Holds lengths and verity parameters of the pack against the manifest. */
function parameterDifference(
  { parameters, geometry }: ReturnType<PackFile['verityAt']>,
  manifest: Manifest,
): string | undefined {
  const found: Readonly<Record<string, number | string>> = {
    packSizeBytes: geometry.endOffsetBytes,
    imageSizeBytes: geometry.dataSizeBytes,
    dataBlockSizeBytes: parameters.dataBlockSizeBytes,
    hashBlockSizeBytes: parameters.hashBlockSizeBytes,
    dataBlockCount: parameters.dataBlockCount,
    hashOffsetBytes: geometry.hashOffsetBytes,
    salt: Buffer.from(parameters.salt).toString('hex'),
  };
  const { packSizeBytes, imageSizeBytes, verity } = manifest;
  const said: Readonly<Record<string, number | string>> = { ...verity, packSizeBytes, imageSizeBytes };
  const field = Object.keys(found).find((name) => found[name] !== said[name]);
  return field === undefined
    ? undefined
    : `the pack has ${field} ${found[field]}; the manifest says ${said[field]}`;
}

/** As the manifest has names: a leading U+FEFF is part of one. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Holds every name, size, mode, target and content of the image against the manifest, both ways. */
async function firstDifference(image: ErofsImage, manifest: Manifest): Promise<string | undefined> {
  const files = new Map(manifest.files.map((file) => [file.path, file]));
  const links = new Map(manifest.symlinks.map((link) => [link.path, link.target]));
  if (files.size !== manifest.files.length || links.size !== manifest.symlinks.length) {
    return 'the manifest names a path twice';
  }
  for await (const entry of image.walk()) {
    const path = utf8.decode(entry.pathBytes);
    if (entry.inode.kind === 'symlink') {
      const target = utf8.decode(await image.readLink(entry));
      if (links.get(path) !== target)
        return `${path} is a link to ${target}; the manifest says ${links.get(path) ?? 'nothing of it'}`;
      links.delete(path);
    } else if (entry.inode.kind === 'file') {
      const expected = files.get(path);
      if (!expected) return `${path} is in the pack and not in the manifest`;
      const mode = entry.inode.permissions.toString(8).padStart(4, '0');
      if (entry.inode.sizeBytes !== expected.size || mode !== expected.mode) {
        return `${path} has ${entry.inode.sizeBytes} bytes and mode ${mode}; the manifest says ${expected.size} and ${expected.mode}`;
      }
      const hash = createHash('sha256');
      for await (const piece of image.readFile(entry)) hash.update(piece);
      const sha256 = hash.digest('hex');
      if (sha256 !== expected.sha256)
        return `${path} has SHA-256 ${sha256}; the manifest says ${expected.sha256}`;
      files.delete(path);
    }
  }
  const [missing] = [...files.keys(), ...links.keys()];
  return missing === undefined ? undefined : `${missing} is in the manifest and not in the pack`;
}
