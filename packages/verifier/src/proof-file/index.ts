export { maximumProofBytes, parseProof } from './parse.ts';
export { writeProof } from './write.ts';
