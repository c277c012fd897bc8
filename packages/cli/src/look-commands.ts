/** `vitrine inspect`, `ls`, `cat` and `extract`: looking into a pack, without root rights. */
import { type ImageEntry, bytesToPath, checkImage } from '@vitrine/erofs';
import { type OpenPack, extractPack, formatUuid, openPack } from '@vitrine/modelpack';
import { expectation, requireReadable } from './check-command.ts';
import { EXIT, codeOf } from './exit.ts';
import { type Terminal, formatBytes } from './terminal.ts';

export interface LookFlags {
  /** A root hash, `ROOT_OFFSET_UUID`, or a file with one of them. */
  readonly root?: string;
  readonly json?: boolean;
}

/** Says on standard error when nothing proves the bytes: there is no root hash to hold them against. */
async function withPack<T>(
  path: string,
  flags: LookFlags,
  terminal: Terminal,
  work: (pack: OpenPack) => Promise<T>,
): Promise<T> {
  requireReadable(path);
  const pack = await openPack(path, expectation(path, flags.root, undefined));
  try {
    if (!pack.verified) {
      terminal.stderr.write(`not checked: no --root was given and there is no .info beside ${path}\n`);
    }
    return await work(pack);
  } finally {
    pack.close();
  }
}

export async function inspectCommand(path: string, flags: LookFlags, terminal: Terminal): Promise<number> {
  return withPack(path, flags, terminal, async (pack) => {
    const { superblock } = pack.image;
    const { inodes, fileBytes, problems, problemCount } = await checkImage(pack.image);
    const { parameters, geometry } = pack;
    const rootHash = Buffer.from(pack.claimedRootHash).toString('hex');
    const uuid = formatUuid(superblock.uuid);
    if (flags.json) {
      const facts = {
        pack: path,
        packSizeBytes: pack.sizeBytes,
        verified: pack.verified,
        erofs: { ...superblock, uuid, volumeName: Buffer.from(superblock.volumeName).toString('hex') },
        contents: { ...inodes, fileBytes },
        verity: {
          ...parameters,
          salt: Buffer.from(parameters.salt).toString('hex'),
          uuid: formatUuid(parameters.uuid),
          hashOffsetBytes: geometry.hashOffsetBytes,
          levels: geometry.levels,
          claimedRootHash: rootHash,
        },
        problems,
      };
      terminal.stdout.write(`${JSON.stringify(facts)}\n`);
    } else {
      terminal.stdout.write(
        [
          `${path} (${formatBytes(pack.sizeBytes)})`,
          `  image     EROFS, ${superblock.blockCount} blocks of 4096 bytes, uuid ${uuid}`,
          `  contents  ${inodes.file} files (${formatBytes(fileBytes)}), ${inodes.directory} folders, ${inodes.symlink} links`,
          `  verity    ${parameters.algorithm}, ${geometry.levels.length} levels, ${geometry.hashBlockCount} hash blocks, from byte ${geometry.hashOffsetBytes}`,
          `  salt      ${Buffer.from(parameters.salt).toString('hex')}`,
          `  root      ${rootHash} ${pack.verified ? '(as expected; what was read here is proven by it)' : '(as the pack claims; not checked)'}`,
          ...problems.map(({ code, path: where, message }) => `  problem   ${code} ${where}: ${message}`),
          '',
        ].join('\n'),
      );
    }
    return problemCount > 0 ? EXIT.failed : EXIT.ok;
  });
}

export async function lsCommand(
  path: string,
  under: string,
  flags: LookFlags,
  terminal: Terminal,
): Promise<number> {
  return withPack(path, flags, terminal, async (pack) => {
    const start = await pack.image.stat(under);
    const below = start.path === '' ? '' : `${start.path}/`;
    for await (const entry of pack.image.walk()) {
      if (entry.path === '' || (entry.path !== start.path && !entry.path.startsWith(below))) continue;
      terminal.stdout.write(flags.json ? await jsonLine(pack, entry) : await textLine(pack, entry));
    }
    return EXIT.ok;
  });
}

const KIND_LETTER = { file: '-', directory: 'd', symlink: 'l' } as const;

async function textLine(pack: OpenPack, entry: ImageEntry): Promise<string> {
  const { kind, permissions, sizeBytes } = entry.inode;
  const mode = `${KIND_LETTER[kind]}${permissions.toString(8).padStart(4, '0')}`;
  const target = kind === 'symlink' ? ` -> ${bytesToPath(await pack.image.readLink(entry))}` : '';
  return `${mode} ${String(kind === 'file' ? sizeBytes : 0).padStart(14)} ${entry.path}${target}\n`;
}

async function jsonLine(pack: OpenPack, entry: ImageEntry): Promise<string> {
  const { kind, permissions, sizeBytes } = entry.inode;
  const line = {
    path: entry.path,
    kind,
    mode: permissions.toString(8).padStart(4, '0'),
    ...(kind === 'file' ? { sizeBytes } : {}),
    ...(kind === 'symlink' ? { target: await targetOf(pack, entry) } : {}),
  };
  return `${JSON.stringify(line)}\n`;
}

async function targetOf(pack: OpenPack, entry: ImageEntry): Promise<string> {
  return Buffer.from(await pack.image.readLink(entry)).toString();
}

export async function catCommand(
  path: string,
  file: string,
  flags: LookFlags,
  terminal: Terminal,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<number> {
  return withPack(path, flags, terminal, async (pack) => {
    const entry = await pack.image.stat(file);
    for await (const piece of pack.image.readFile(entry)) {
      if (!(await isTaken(write(piece)))) break;
    }
    return EXIT.ok;
  });
}

/** False when the reader at the other end (head, less) has seen enough, which is no failure. */
async function isTaken(written: Promise<void>): Promise<boolean> {
  try {
    await written;
    return true;
  } catch (error) {
    if (codeOf(error) === 'EPIPE') return false;
    throw error;
  }
}

export async function extractCommand(
  path: string,
  folder: string,
  flags: LookFlags,
  terminal: Terminal,
): Promise<number> {
  return withPack(path, flags, terminal, async (pack) => {
    const { files, bytes } = await extractPack(pack, folder);
    if (flags.json)
      terminal.stdout.write(`${JSON.stringify({ folder, files, bytes, verified: pack.verified })}\n`);
    else terminal.stdout.write(`${folder}: ${files} files, ${formatBytes(bytes)}\n`);
    return EXIT.ok;
  });
}
