/** Errors of Node's sockets, TLS and HTTP parser in the words of FetchErrorCode. */
import { type FetchErrorCode, VerifierError } from '../error.ts';

const byCode: Readonly<Record<string, FetchErrorCode>> = {
  ENOTFOUND: 'NAME_NOT_RESOLVED',
  EAI_AGAIN: 'NAME_NOT_RESOLVED',
  EAI_FAIL: 'NAME_NOT_RESOLVED',
  EAI_NODATA: 'NAME_NOT_RESOLVED',
  EAI_NONAME: 'NAME_NOT_RESOLVED',
  ECONNREFUSED: 'CONNECTION_REFUSED',
  EHOSTUNREACH: 'CONNECTION_REFUSED',
  ENETUNREACH: 'CONNECTION_REFUSED',
  EHOSTDOWN: 'CONNECTION_REFUSED',
  ENETDOWN: 'CONNECTION_REFUSED',
  EADDRNOTAVAIL: 'CONNECTION_REFUSED',
  EACCES: 'CONNECTION_REFUSED',
  ECONNRESET: 'CONNECTION_RESET',
  EPIPE: 'CONNECTION_RESET',
  ECONNABORTED: 'CONNECTION_RESET',
  ETIMEDOUT: 'TIMEOUT',
  EPROTO: 'TLS_FAILED',
};

/** Names of OpenSSL's verification errors, as Node gives them. */
const certificateCode =
  /^(?:CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CRL_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH|ERROR_IN_CERT)/;

const words: Readonly<Partial<Record<FetchErrorCode, string>>> = {
  NAME_NOT_RESOLVED: 'its name is not known to the name service',
  CONNECTION_REFUSED: 'nothing accepts a connection there',
  CONNECTION_RESET: 'the connection was cut before the answer was complete',
  TLS_FAILED: 'no secure connection came about',
  TIMEOUT: 'it did not answer in time',
  PROTOCOL_ERROR: 'what came back is no HTTP',
};

/** @param peer who was asked: "kdsintf.amd.com" */
export function socketFailure(error: unknown, peer: string): VerifierError {
  if (error instanceof VerifierError) return error;
  const code = codeOf(error);
  const detail = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  const known = fetchCodeOf(code);
  return new VerifierError(
    known,
    `${peer}: ${words[known] ?? 'the exchange failed'} (${code || detail.slice(0, 120)}).`,
    {
      cause: error,
    },
  );
}

function fetchCodeOf(code: string): FetchErrorCode {
  if (Object.hasOwn(byCode, code)) return byCode[code]!;
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code.startsWith('ERR_OSSL'))
    return 'TLS_FAILED';
  if (certificateCode.test(code)) return 'TLS_FAILED';
  return 'PROTOCOL_ERROR';
}

/** Of several addresses that were tried, the first one's. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
