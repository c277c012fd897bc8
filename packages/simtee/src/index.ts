export * from './authority.ts';
export * from './snp/index.ts';
export * from './tdx/index.ts';
export * from './nvidia/index.ts';
export * from './sigstore/index.ts';
export * from './ct/index.ts';
export * from './tuf/index.ts';
export * from './service/index.ts';
