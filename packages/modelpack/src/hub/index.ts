export { HubError, type HubErrorCode } from './error.ts';
export { gitBlobDigest, type GitBlobDigest } from './git-blob.ts';
export { defaultEndpoint, openHub, type Hub, type HubOptions } from './hub.ts';
export { listFiles, type ClaimedDigest, type HubFile, type ListingLimits } from './listing.ts';
export { checkRepo, checkRevision, isCommit } from './name.ts';
export { fetchRange } from './range.ts';
export { defaultRetryPolicy, type RetryEvent, type RetryPolicy } from './retry.ts';
export { lookUpRevision, resolveRevision, type ResolvedRevision } from './revision.ts';
