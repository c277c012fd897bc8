/** The same pack made by the reference tools: mkfs.erofs 1.5 and veritysetup. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runShown } from './command.ts';
import { type Pack, saltOf, uuidOf } from './pack.ts';
import { Skipped } from './step.ts';

const MKFS = '/usr/bin/mkfs.erofs';
const VERITYSETUP = '/usr/sbin/veritysetup';

export interface ReferenceRequest {
  readonly repository: string;
  readonly modelFolder: string;
  readonly name: string;
  readonly pack: Pack;
  /** Where to write, relative to the repository. */
  readonly path: string;
  readonly print: (line: string) => void;
}

/**
 * Answers what was compared.
 * @throws Skipped without the tools; Error where one byte differs
 */
export function compareWithReference({
  repository,
  modelFolder,
  name,
  pack,
  path,
  print,
}: ReferenceRequest): string {
  requireTools();
  const shown = (words: readonly string[]) => {
    const done = runShown(words, repository, print);
    if (done.status !== 0) throw new Error(`${words[0] ?? ''} ended with status ${done.status}`);
    return done.stdout;
  };
  mkdirSync(dirname(join(repository, path)), { recursive: true });
  const uuid = uuidOf(name);
  shown([MKFS, '--quiet', '--all-root', '-T0', `-U${uuid}`, path, modelFolder]);
  const hashOffsetBytes = Math.ceil(statSync(join(repository, path)).size / 4096) * 4096;
  const options = [`--uuid=${uuid}`, `--salt=${saltOf(name)}`, `--hash-offset=${hashOffsetBytes}`];
  const printed = shown([VERITYSETUP, 'format', ...options, path, path]);
  const rootHash = /Root hash:\s+([0-9a-f]{64})/.exec(printed)?.[1];
  const [ours, theirs] = [readFileSync(join(repository, pack.path)), readFileSync(join(repository, path))];
  const at = ours.findIndex((byte, index) => byte !== theirs[index]);
  if (at !== -1) throw new Error(`byte ${at} of the pack differs from the reference tools'`);
  if (ours.length !== theirs.length)
    throw new Error(`the pack has ${ours.length} bytes, the reference ${theirs.length}`);
  if (rootHash !== pack.rootHash)
    throw new Error(`the root hash is ${pack.rootHash}, veritysetup says ${rootHash ?? 'none'}`);
  return `all ${ours.length.toLocaleString('en')} bytes and the root hash are the same`;
}

function requireTools(): void {
  for (const path of [MKFS, VERITYSETUP])
    if (!existsSync(path)) throw new Skipped(`${path} is not installed`);
  const printed = spawnSync(MKFS, ['-V'], { encoding: 'utf8' });
  const version = /mkfs\.erofs (?:\(erofs-utils\) )?v?(\d[\w.]*)/.exec(printed.stdout + printed.stderr)?.[1];
  if (version !== '1.5') throw new Skipped(`mkfs.erofs is ${version ?? 'of an unknown version'}, not 1.5`);
}
