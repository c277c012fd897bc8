/** What the packing of a folder takes, and nothing else: a command that packs one starts sooner. */
export { PackError } from './error.ts';
export { parsePackName } from './name.ts';
export type { PackOptions, PackResult } from './pack.ts';
export { packFolder } from './pack-folder.ts';
export type { OnPackEvent } from './progress.ts';
