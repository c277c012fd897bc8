export {
  type RollbackCode,
  appraiseRollback,
  mergeMemories,
  newestFirst,
  rememberedReleases,
  withRelease,
} from './rollback.ts';
