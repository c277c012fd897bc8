/** What can go wrong between the packer and a Hub. Codes are stable. */
export type HubErrorCode =
  /** An argument of the caller that cannot be: endpoint, token, repository name, revision, byte range. */
  | 'PARAMETER_INVALID'
  /** 401: a token is needed, or the one that was sent is not accepted. The Hub hides private repositories so. */
  | 'UNAUTHORIZED'
  /** 403: the token's owner may not read this (gated or disabled repository), or a download host refused its own link. */
  | 'FORBIDDEN'
  /** 404: no such repository. */
  | 'REPO_NOT_FOUND'
  /** 404: the repository has no such branch, tag or commit. */
  | 'REVISION_NOT_FOUND'
  /** 404: the commit has no such file, although its listing named it. */
  | 'FILE_NOT_FOUND'
  /** 429, still after all retries. */
  | 'RATE_LIMITED'
  /** 408, 425 or 5xx, still after all retries. */
  | 'SERVER_ERROR'
  /** No connection, or it broke, still after all retries; or a certificate that is not trusted (at once). */
  | 'CONNECTION_FAILED'
  /** No byte came for `idleTimeoutMs`, still after all retries. */
  | 'TIMEOUT'
  /** Any other status that the Hub's API does not give here. */
  | 'UNEXPECTED_STATUS'
  /** Something else than JSON where the API answers JSON, or a web page where a file was asked for: a captive portal, a proxy. */
  | 'NOT_JSON'
  /** JSON that cannot be parsed, or a field that breaks the schema; the message names the field. */
  | 'RESPONSE_INVALID'
  /** An answer over the bound for its kind. */
  | 'RESPONSE_TOO_LARGE'
  /** Sizes that contradict one another: listing, headers, body. */
  | 'SIZE_MISMATCH'
  /** The server sent other bytes than the range that was asked for. */
  | 'RANGE_INVALID'
  /** A body in a content encoding although the identity encoding was asked for. */
  | 'ENCODING_REFUSED'
  /** A redirect that is not followed: too many, no target, another scheme, https to http. */
  | 'REDIRECT_REFUSED'
  /** A file name in the listing that cannot be in a pack. */
  | 'PATH_INVALID'
  /** Entries that contradict one another, pages that repeat, or a listing of another commit. */
  | 'LISTING_INVALID'
  /** The caller's signal ended it. */
  | 'ABORTED';

export class HubError extends Error {
  override readonly name = 'HubError';
  readonly code: HubErrorCode;

  constructor(code: HubErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
