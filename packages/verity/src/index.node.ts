export * from './index.ts';
export * from './hasher.node.ts';
export * from './file-store.node.ts';
