export { type FormatOptions, formatPolicy } from './format.ts';
export { type Place, PolicyFileError } from './error.ts';
export { policySchema } from './schema.ts';
export { builtInTcbFloors, lineOf, snpLines, tcbFloorOf } from './tcb-floor.ts';
export { defaultPolicy, githubActionsIssuer, githubReleases, multiplatformPredicateType } from './default.ts';
export { explainPolicy } from './explain.ts';
export { parsePolicy } from './parse.ts';
export { policyFromResult } from './from-result.ts';
