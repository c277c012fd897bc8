/** The manifest: what is in a pack, where it came from and how it was made, as JSON. Its bytes depend on nothing else. */
import type { PlannedInode } from '@vitrine/erofs';
import { PackError } from './error.ts';
import type { FileDigests } from './file-sink.ts';
import { formatPackName, formatUuid, parsePackName } from './name.ts';
import type { PackPlan } from './plan.ts';

export const MANIFEST_FORMAT = 'vitrine-model-pack';
export const MANIFEST_VERSION = 1;
/** More than any model has files for, and little enough to parse. */
export const MANIFEST_LIMIT_BYTES = 256 * 1024 * 1024;

export type PackSource =
  | { readonly kind: 'folder' }
  | { readonly kind: 'hub'; readonly repository: string; readonly commit: string };

export interface ManifestFile {
  /** From the pack's root, with `/`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Octal, four digits. */
  readonly mode: string;
  /** For a file that the Hub keeps in git: its object id. */
  readonly gitBlobSha1?: string;
}

export interface ManifestSymlink {
  readonly path: string;
  readonly target: string;
}

export interface Manifest {
  readonly format: typeof MANIFEST_FORMAT;
  readonly version: typeof MANIFEST_VERSION;
  /** `owner/name@revision`: UUID and salt follow from it. */
  readonly name: string;
  readonly source: PackSource;
  readonly layout: 'modelwrap';
  readonly rootHash: string;
  readonly uuid: string;
  readonly packSizeBytes: number;
  readonly imageSizeBytes: number;
  readonly verity: {
    readonly version: 1;
    readonly hashType: 1;
    readonly algorithm: 'sha256';
    readonly dataBlockSizeBytes: number;
    readonly hashBlockSizeBytes: number;
    readonly dataBlockCount: number;
    readonly hashOffsetBytes: number;
    readonly salt: string;
  };
  readonly files: readonly ManifestFile[];
  readonly symlinks: readonly ManifestSymlink[];
  /** Paths of the source that are not in the pack. */
  readonly leftOut: readonly string[];
}

export function makeManifest<S>(
  plan: PackPlan<S>,
  details: {
    source: PackSource;
    rootHash: string;
    leftOut: readonly string[];
    digestsOf: (inode: PlannedInode<S>) => FileDigests;
  },
): Manifest {
  const files: ManifestFile[] = [];
  const symlinks: ManifestSymlink[] = [];
  for (const { path, inode, target } of pathsOf(plan)) {
    const { node } = inode;
    if (target !== undefined) {
      symlinks.push({ path, target });
    } else if (node.kind === 'file') {
      const mode = node.permissions.toString(8).padStart(4, '0');
      files.push({ path, size: inode.sizeBytes, mode, ...details.digestsOf(inode) });
    }
  }
  return {
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    name: formatPackName(plan.name),
    source: details.source,
    layout: 'modelwrap',
    rootHash: details.rootHash,
    uuid: formatUuid(plan.layout.superblock.uuid),
    packSizeBytes: plan.packSizeBytes,
    imageSizeBytes: plan.imageSizeBytes,
    verity: {
      version: 1,
      hashType: 1,
      algorithm: 'sha256',
      dataBlockSizeBytes: plan.verity.dataBlockSizeBytes,
      hashBlockSizeBytes: plan.verity.hashBlockSizeBytes,
      dataBlockCount: plan.verity.dataBlockCount,
      hashOffsetBytes: plan.imageSizeBytes,
      salt: Buffer.from(plan.verity.salt).toString('hex'),
    },
    files,
    symlinks,
    leftOut: [...details.leftOut].sort(),
  };
}

export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

export interface PlannedPath<S> {
  readonly path: string;
  readonly inode: PlannedInode<S>;
  /** Only of a symbolic link. */
  readonly target: string | undefined;
}

/**
 * Every name in the tree, directories too, depth first in order of names.
 * @throws PackError PATH_INVALID for a name or a link's target that is not UTF-8
 */
export function* pathsOf<S>(plan: PackPlan<S>): Generator<PlannedPath<S>> {
  const root = plan.layout.inodes[0]!;
  const open = [{ prefix: '', directory: root, next: 0 }];
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const entry = top.directory.entries[top.next++];
    if (entry === undefined) {
      open.pop();
      continue;
    }
    if (isDot(entry.name)) continue;
    const path = top.prefix + decodeName(entry.name, `a name in ${top.prefix || 'the root'}`);
    const { node } = entry.inode;
    yield {
      path,
      inode: entry.inode,
      target: node.kind === 'symlink' ? decodeName(node.target, `the target of ${path}`) : undefined,
    };
    if (entry.inode.node.kind === 'directory')
      open.push({ prefix: `${path}/`, directory: entry.inode, next: 0 });
  }
}

function isDot(name: Uint8Array): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws PackError PATH_INVALID for bytes that are not UTF-8 */
function decodeName(bytes: Uint8Array, what: string): string {
  try {
    return strict.decode(bytes);
  } catch (cause) {
    throw new PackError(
      'PATH_INVALID',
      `Packing ${what}: ${JSON.stringify(new TextDecoder().decode(bytes))} is not UTF-8, and the manifest could not name it. Rename it or exclude it.`,
      { cause },
    );
  }
}

/**
 * Reads a manifest, and holds it against what a manifest must be.
 * @throws PackError MANIFEST_INVALID, naming the field
 */
export function parseManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  const manifest = object(value, 'the manifest');
  exact(manifest['format'], MANIFEST_FORMAT, 'format');
  exact(manifest['version'], MANIFEST_VERSION, 'version');
  exact(manifest['layout'], 'modelwrap', 'layout');
  const name = packName(manifest['name']);
  return {
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    name,
    source: parseSource(manifest['source']),
    layout: 'modelwrap',
    rootHash: hex(manifest['rootHash'], 64, 'rootHash'),
    uuid: matching(manifest['uuid'], /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'uuid'),
    packSizeBytes: count(manifest['packSizeBytes'], 'packSizeBytes'),
    imageSizeBytes: count(manifest['imageSizeBytes'], 'imageSizeBytes'),
    verity: parseVerity(manifest['verity']),
    files: array(manifest['files'], 'files').map(parseFile),
    symlinks: array(manifest['symlinks'], 'symlinks').map(parseSymlink),
    leftOut: array(manifest['leftOut'], 'leftOut').map((path, index) => string(path, `leftOut[${index}]`)),
  };
}

function packName(value: unknown): string {
  const name = string(value, 'name');
  try {
    parsePackName(name);
  } catch (cause) {
    throw expected('name', 'owner/name@revision', name, cause);
  }
  return name;
}

function parseSource(value: unknown): PackSource {
  const source = object(value, 'source');
  if (source['kind'] === 'folder') return { kind: 'folder' };
  exact(source['kind'], 'hub', 'source.kind');
  return {
    kind: 'hub',
    repository: string(source['repository'], 'source.repository'),
    commit: hex(source['commit'], 40, 'source.commit'),
  };
}

function parseVerity(value: unknown): Manifest['verity'] {
  const verity = object(value, 'verity');
  exact(verity['version'], 1, 'verity.version');
  exact(verity['hashType'], 1, 'verity.hashType');
  exact(verity['algorithm'], 'sha256', 'verity.algorithm');
  return {
    version: 1,
    hashType: 1,
    algorithm: 'sha256',
    dataBlockSizeBytes: count(verity['dataBlockSizeBytes'], 'verity.dataBlockSizeBytes'),
    hashBlockSizeBytes: count(verity['hashBlockSizeBytes'], 'verity.hashBlockSizeBytes'),
    dataBlockCount: count(verity['dataBlockCount'], 'verity.dataBlockCount'),
    hashOffsetBytes: count(verity['hashOffsetBytes'], 'verity.hashOffsetBytes'),
    salt: matching(verity['salt'], /^(?:[0-9a-f]{2}){0,256}$/, 'verity.salt'),
  };
}

function parseFile(value: unknown, index: number): ManifestFile {
  const at = `files[${index}]`;
  const file = object(value, at);
  return {
    path: string(file['path'], `${at}.path`),
    size: count(file['size'], `${at}.size`),
    mode: matching(file['mode'], /^[0-7]{4}$/, `${at}.mode`),
    sha256: hex(file['sha256'], 64, `${at}.sha256`),
    ...(file['gitBlobSha1'] === undefined
      ? {}
      : { gitBlobSha1: hex(file['gitBlobSha1'], 40, `${at}.gitBlobSha1`) }),
  };
}

function parseSymlink(value: unknown, index: number): ManifestSymlink {
  const link = object(value, `symlinks[${index}]`);
  return {
    path: string(link['path'], `symlinks[${index}].path`),
    target: string(link['target'], `symlinks[${index}].target`),
  };
}

function object(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw expected(field, 'an object', value);
}

function array(value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw expected(field, 'an array', value);
}

function string(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  throw expected(field, 'a string', value);
}

function count(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw expected(field, 'a whole number of at least 0', value);
}

function matching(value: unknown, form: RegExp, field: string): string {
  if (typeof value === 'string' && form.test(value)) return value;
  throw expected(field, `text of the form ${form.source}`, value);
}

function hex(value: unknown, digits: number, field: string): string {
  return matching(value, new RegExp(`^[0-9a-f]{${digits}}$`), field);
}

function exact(value: unknown, wanted: string | number, field: string): void {
  if (value !== wanted) throw expected(field, JSON.stringify(wanted), value);
}

function expected(field: string, what: string, found: unknown, cause?: unknown): PackError {
  return invalid(`${field} must be ${what}, found ${show(found)}`, cause);
}

function invalid(why: string, cause?: unknown): PackError {
  return new PackError('MANIFEST_INVALID', `Reading a manifest: ${why}.`, { cause });
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80);
}
