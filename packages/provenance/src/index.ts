export { ProvenanceError } from './error.ts';
export * from './sigstore/index.ts';
export * from './merkle.ts';
export * from './ct/index.ts';
