export { type Mirrors } from './address.ts';
export { type PlatformFetch, type PlatformResponse, browserFetch } from './browser-fetch.ts';
export {
  type CacheEntry,
  type CacheOptions,
  type CacheStore,
  CachingSource,
  OfflineSource,
  firstOf,
} from './cache.ts';
export {
  intelIssuerChain,
  parseAttestationsAnswer,
  parseReleaseHash,
  parseRimAnswer,
} from './endorsements/answers.ts';
export {
  amdCertificateChainRequest,
  amdCrlRequest,
  amdVekRequest,
  bootPartRequest,
  ctLogListRequest,
  githubAttestationsRequest,
  intelPckCrlRequest,
  intelQeIdentityRequest,
  intelRootCrlRequest,
  intelTcbInfoRequest,
  nvidiaOcspRequest,
  nvidiaRimRequest,
  releaseAssetRequest,
} from './endorsements/requests.ts';
export { type ExpiresAt, expiryOf } from './expiry.ts';
export { type FetchRequest, type FetchResponse, type Fetcher, isFetchErrorCode } from './fetcher.ts';
export { type ResourceRules, type Timeouts, resourceRules } from './kinds.ts';
export { type NetworkOptions, createNetworkSource } from './network.ts';
export { type BackOff } from './retry.ts';
