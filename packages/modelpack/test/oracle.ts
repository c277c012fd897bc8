/** The programs whose bytes a pack equals: mkfs.erofs 1.5 and then veritysetup. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { mkfsObstacle, runMkfs } from '../../erofs/test/writer-oracle.ts';
import { type PackName, formatUuid, packSalt, packUuid } from '../src/name.ts';

const VERITYSETUP = '/usr/sbin/veritysetup';

export const veritysetupObstacle: string | false = existsSync(VERITYSETUP)
  ? false
  : `${VERITYSETUP} is not installed (Debian package cryptsetup-bin)`;

/** Why comparisons with the reference tools are skipped, or false. */
export const oracleObstacle: string | false = mkfsObstacle || veritysetupObstacle;

export interface OraclePack {
  readonly bytes: Buffer;
  readonly rootHash: string;
  /** `ROOT_OFFSET_UUID`. */
  readonly info: string;
}

/** Packs a folder as modelwrap does, with the real programs; `scratch` is a folder for what they write. */
export function packWithOracle(folder: string, scratch: string, name: PackName): OraclePack {
  const path = join(scratch, 'oracle.mpk');
  const uuid = formatUuid(packUuid(name));
  runMkfs(folder, path, uuid);
  const hashOffset = String(statSync(path).size);
  const salt = Buffer.from(packSalt(name)).toString('hex');
  const output = veritysetup(
    'format',
    `--uuid=${uuid}`,
    `--salt=${salt}`,
    `--hash-offset=${hashOffset}`,
    path,
    path,
  );
  const [, rootHash] = /^Root hash:\s+([0-9a-f]{64})$/m.exec(output) ?? [];
  if (rootHash === undefined) throw new Error(`veritysetup format printed no root hash:\n${output}`);
  return { bytes: readFileSync(path), rootHash, info: `${rootHash}_${hashOffset}_${uuid}` };
}

/** @throws Error when veritysetup finds the pack not to be what its root hash says */
export function verifyWithOracle(packPath: string, rootHash: string, hashOffsetBytes: number): void {
  veritysetup('verify', `--hash-offset=${hashOffsetBytes}`, packPath, packPath, rootHash);
}

/** Whether `veritysetup verify` takes the pack. */
export function oracleAccepts(packPath: string, rootHash: string, hashOffsetBytes: number): boolean {
  const words = ['verify', `--hash-offset=${hashOffsetBytes}`, packPath, packPath, rootHash];
  return spawnSync(VERITYSETUP, words, { stdio: 'ignore' }).status === 0;
}

function veritysetup(...words: readonly string[]): string {
  return execFileSync(VERITYSETUP, words, { encoding: 'utf8', stdio: 'pipe' });
}
