/** A small pack for tests that look at a finished one, made by the packer itself. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PackResult } from '../src/pack.ts';
import { packFolder } from '../src/pack-folder.ts';
import { type PackName, parsePackName } from '../src/name.ts';

export interface Cleaner {
  after(clean: () => void): void;
}

/** A folder that is gone after the test. */
export function temporaryFolder(context: Cleaner): string {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-modelpack-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const SAMPLE_NAME: PackName = parsePackName('acme/sample@0123456789abcdef0123456789abcdef01234567');

/** Bytes that differ from block to block. */
export function patterned(sizeBytes: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 31 + (i >>> 12) * 7 + seed * 13) & 0xff);
}

/** Paths with `/` and contents; folders are made as needed. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content, { mode: 0o644 });
  }
}

export interface SamplePack extends PackResult {
  /** Where the source lies. */
  readonly source: string;
  readonly bytes: Buffer;
}

/** Packs files into a temporary folder, with one thread. */
export async function samplePack(
  context: Cleaner,
  files: Readonly<Record<string, string | Uint8Array>>,
  name = SAMPLE_NAME,
): Promise<SamplePack> {
  const folder = temporaryFolder(context);
  const source = join(folder, 'source');
  mkdirSync(source);
  writeFiles(source, files);
  const result = await packFolder(source, name, { outFolder: join(folder, 'packs'), jobs: 1 });
  return { ...result, source, bytes: readFileSync(result.paths.pack) };
}
