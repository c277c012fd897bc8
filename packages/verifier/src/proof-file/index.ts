export { maximumProofBytes, parseProof } from './parse.ts';
export { type PartReader, partsBeside } from './parts.ts';
export { type WriteProofOptions, writeProof } from './write.ts';
