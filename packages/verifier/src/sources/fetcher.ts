/** One HTTP exchange, as small as verification needs it: what a platform's client is adapted to. */
import { type FetchErrorCode, VerifierError } from '../error.ts';

export interface FetchRequest {
  readonly method: 'GET' | 'POST';
  /** Absolute, http or https. */
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** A client that cannot show a redirect (a browser) may follow it; where it went is checked afterwards. */
  readonly mayFollowRedirects: boolean;
  /** Ends the exchange, the body included. */
  readonly signal: AbortSignal;
}

export interface FetchResponse {
  readonly status: number;
  /** Lower-case names; values that occur several times are joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the answer came from: the request's URL, unless a browser has followed redirects. */
  readonly url: string;
  /** The client has undone Content-Encoding already, so that lengths on the wire are unknown. */
  readonly isDecoded: boolean;
  /** The bytes as they arrive. Throws VerifierError with a FetchErrorCode. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets go of a body that is not wanted. */
  cancel(): void;
}

/** Sends one request and answers when the headers are there. @throws VerifierError with a FetchErrorCode */
export type Fetcher = (request: FetchRequest) => Promise<FetchResponse>;

const codes: Readonly<Record<FetchErrorCode, true>> = {
  OFFLINE: true,
  NAME_NOT_RESOLVED: true,
  CONNECTION_REFUSED: true,
  CONNECTION_RESET: true,
  PROXY_FAILED: true,
  TLS_FAILED: true,
  TIMEOUT: true,
  HTTP_STATUS: true,
  REDIRECT_REFUSED: true,
  CONTENT_TYPE_UNEXPECTED: true,
  BODY_TOO_LARGE: true,
  BODY_TRUNCATED: true,
  PROTOCOL_ERROR: true,
};

export function isFetchErrorCode(code: string): code is FetchErrorCode {
  return Object.hasOwn(codes, code);
}

/** The failure of an exchange, or undefined for any other error. */
export function fetchFailureOf(
  error: unknown,
): { readonly code: FetchErrorCode; readonly message: string } | undefined {
  if (!(error instanceof VerifierError) || !isFetchErrorCode(error.code)) return undefined;
  return { code: error.code, message: error.message };
}
