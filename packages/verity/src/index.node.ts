export * from './index.ts';
export * from './check-file.node.ts';
export * from './file-copy.node.ts';
export { FileStore, readFully, writeFully } from './file-store.node.ts';
export type { FileWorkOptions } from './file-workers.node.ts';
export * from './format-file.node.ts';
export * from './hasher.node.ts';
