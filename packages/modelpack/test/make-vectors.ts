/** Makes docs/vectors/pack anew with the reference tools alone (mkfs.erofs 1.5, veritysetup 2.6.1); run by hand. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatUuid, packSalt, packUuid, parsePackName } from '../src/index.ts';
import { type DamageVector, type PackVector, type VectorEntry, plantTree, vectorFolder } from './vectors.ts';

const NAME = 'owner/name@rev';
const file = (path: string, sizeBytes: number, mode?: string): VectorEntry =>
  mode === undefined ? { path, kind: 'file', sizeBytes } : { path, kind: 'file', sizeBytes, mode };

const trees: Record<string, { why: string; name?: string; tree: VectorEntry[] }> = {
  one_small_file: {
    why: 'An image of one block has no tree',
    tree: [{ path: 'config.json', kind: 'file', text: '{}\n' }],
  },
  empty_file_and_folder: {
    why: 'No data at all',
    tree: [file('empty', 0), { path: 'folder', kind: 'directory' }],
  },
  inline_tail_fits: {
    why: '4064 bytes are the longest inline tail',
    tree: [file('a', 4064), file('b', 4096 + 4064)],
  },
  inline_tail_too_long: {
    why: 'A longer tail gets a block of its own',
    tree: [file('a', 4065), file('b', 4096 + 4065)],
  },
  whole_blocks: { why: 'No tail', tree: [file('a', 4096), file('b', 8192)] },
  names_around_dots: {
    why: 'Names that sort before `.`, between `.` and `..`, and behind',
    tree: [
      file('-x', 1),
      file('.-', 2),
      file('...', 3),
      file('.a', 4),
      file('a', 5),
      file('é', 6),
      file('模型', 7),
    ],
  },
  modes_and_links: {
    why: 'Permission bits, symbolic and hard links',
    tree: [
      file('f', 10, '4755'),
      { path: 'd', kind: 'directory', mode: '1777' },
      { path: 'd/again', kind: 'hardlink', target: 'f' },
      { path: 'link', kind: 'symlink', target: 'd/again' },
    ],
  },
  packed_metadata: {
    why: 'Inodes of many sizes find the fullest block that holds them',
    tree: Array.from({ length: 60 }, (_, index) =>
      file(`f${String(index).padStart(2, '0')}`, (index * 977) % 4100),
    ),
  },
  directory_of_several_blocks: {
    why: 'Entries do not cross a block',
    tree: Array.from({ length: 400 }, (_, index) => file(`file-with-a-longer-name-${index}`, index % 3)),
  },
  two_levels: {
    why: 'More than 128 blocks',
    tree: [file('weights', 150 * 4096 + 17), file('config.json', 700)],
  },
  other_name: {
    why: 'Name, UUID and salt are part of the root',
    name: 'owner/other@v1.0',
    tree: [file('a', 5000)],
  },
};

for (const [vector, { why, name = NAME, tree }] of Object.entries(trees)) {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-vector-'));
  const image = `${folder}.mpk`;
  try {
    plantTree(folder, tree);
    const uuid = formatUuid(packUuid(parsePackName(name)));
    const salt = Buffer.from(packSalt(parsePackName(name))).toString('hex');
    execFileSync('mkfs.erofs', ['--quiet', '--all-root', '-T0', `-U${uuid}`, image, folder]);
    const offset = statSync(image).size;
    const words = ['format', `--uuid=${uuid}`, `--salt=${salt}`, `--hash-offset=${offset}`, image, image];
    const root = /Root hash:\s+([0-9a-f]{64})/.exec(
      execFileSync('/usr/sbin/veritysetup', words).toString(),
    )![1]!;
    const pack = readFileSync(image);
    const info = `${root}_${offset}_${uuid}`;
    const packSha256 = createHash('sha256').update(pack).digest('hex');
    write(`pack_${vector}`, {
      vector,
      why,
      name,
      tree,
      info,
      packSizeBytes: pack.length,
      packSha256,
    } satisfies PackVector);
  } finally {
    rmSync(folder, { recursive: true });
    rmSync(image, { force: true });
  }
}

const OF = 'two_levels';
/** Of `two_levels`: 153 blocks or so, tree of two levels and three blocks. */
const imageBytes = Number(readVectorInfo(OF).split('_')[1]);
const damages: Record<string, Omit<DamageVector, 'vector' | 'of'>> = {
  data_bit: {
    why: 'A bit of a weight',
    damage: { kind: 'flip', offsetBytes: 40_960, bit: 3 },
    check: 'blocks',
    code: 'DATA_BLOCK_MISMATCH',
  },
  first_bytes: {
    why: 'Before the superblock',
    damage: { kind: 'flip', offsetBytes: 0, bit: 0 },
    check: 'blocks',
    code: 'DATA_BLOCK_MISMATCH',
  },
  tree_leaf: {
    why: 'A digest in level 0',
    damage: { kind: 'flip', offsetBytes: imageBytes + 8192 + 5, bit: 7 },
    check: 'blocks',
    code: 'HASH_BLOCK_MISMATCH',
  },
  tree_top: {
    why: 'The top block',
    damage: { kind: 'flip', offsetBytes: imageBytes + 4096, bit: 0 },
    check: 'root',
    code: 'ROOT_MISMATCH',
  },
  verity_signature: {
    why: 'No superblock',
    damage: { kind: 'flip', offsetBytes: imageBytes, bit: 0 },
    check: 'structure',
    code: 'NOT_VERITY',
  },
  verity_uuid: {
    why: 'No hash covers it',
    damage: { kind: 'flip', offsetBytes: imageBytes + 16, bit: 0 },
    check: 'uuid',
    code: 'UUID_MISMATCH',
  },
  verity_salt: {
    why: 'Another salt, another root',
    damage: { kind: 'flip', offsetBytes: imageBytes + 88, bit: 0 },
    check: 'root',
    code: 'ROOT_MISMATCH',
  },
  verity_padding: {
    why: 'Zeros behind the superblock',
    damage: { kind: 'flip', offsetBytes: imageBytes + 4000, bit: 0 },
    check: 'structure',
    code: 'PACK_INVALID',
  },
  truncated: {
    why: 'The last block is missing',
    damage: { kind: 'truncate', sizeBytes: imageBytes + 8192 },
    check: 'structure',
    code: 'PACK_INVALID',
  },
  trailing_byte: {
    why: 'Nothing lies behind the tree',
    damage: { kind: 'append', text: '\0' },
    check: 'structure',
    code: 'PACK_INVALID',
  },
};
for (const [vector, details] of Object.entries(damages)) {
  write(`damage_${vector}`, { vector, of: OF, ...details } satisfies DamageVector);
}

function readVectorInfo(vector: string): string {
  return (JSON.parse(readFileSync(join(vectorFolder, `pack_${vector}.json`), 'utf8')) as PackVector).info;
}

function write(name: string, content: object): void {
  writeFileSync(join(vectorFolder, `${name}.json`), `${JSON.stringify(content, undefined, 1)}\n`);
}
