/** What an interrupted run left, as its journal and partial say. */
import { existsSync, readFileSync } from 'node:fs';
import { plannedFiles } from '../src/image-writer.ts';
import type { FilePlacement } from '../src/file-sink.ts';
import { parsePackName } from '../src/name.ts';
import { type PackPaths } from '../src/output.ts';
import { planPack } from '../src/plan.ts';
import { treeOfPaths } from '../src/tree.ts';
import type { Files } from './hub-pack-model.ts';

export interface PlacedFile {
  readonly path: string;
  readonly placement: FilePlacement;
}

/** The files in the order in which the plan, and so the journal, counts them; sorted as the Hub's listing is. */
export function placedFiles(name: string, files: Files): PlacedFile[] {
  const key = (path: string): string => path.replaceAll('/', '\0');
  const sorted = Object.entries(files).sort(([a], [b]) => (key(a) < key(b) ? -1 : 1));
  const listed = sorted.map(([path, content]) => ({
    path,
    sizeBytes: Buffer.from(content).length,
    source: path,
  }));
  const plan = planPack(parsePackName(name), treeOfPaths(listed));
  return plannedFiles(plan).map(({ source, placement }) => ({ path: source, placement }));
}

/** How many bytes of each file are noted, by path; a line that a kill cut in two does not count. */
export function notedBytes(paths: PackPaths, placed: readonly PlacedFile[]): Map<string, number> {
  if (!existsSync(paths.journal)) return new Map();
  const text = readFileSync(paths.journal, 'utf8');
  const lines = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(1, -1);
  return new Map(
    lines.map((line) => {
      const [index, bytes] = line.split(' ').map(Number);
      return [placed[index!]!.path, bytes!];
    }),
  );
}
