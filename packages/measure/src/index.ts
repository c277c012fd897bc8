export { MeasureError, type MeasureErrorCode } from './error.ts';
export * from './predicate.ts';
export * from './snp/index.ts';
export * from './tdx/index.ts';
