export * from './builder.ts';
export * from './error.ts';
export * from './geometry.ts';
export * from './hasher.ts';
export * from './memory-store.ts';
export * from './parameters.ts';
export * from './superblock.ts';
export { finishTree, type HashStore } from './tree.ts';
