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
  TIMEOUT: 'it did not answer in time',
  PROTOCOL_ERROR: 'what came back is no HTTP',
};

/** What is wrong with TLS, as far as OpenSSL says: by its code, or by its message where the code is EPROTO. */
const tlsWords: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/CERT_HAS_EXPIRED/, 'its certificate has expired'],
  [/CERT_NOT_YET_VALID/, 'its certificate is not valid yet'],
  [/ALTNAME_INVALID|HOSTNAME_MISMATCH/, 'its certificate is for another name'],
  [
    /SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED/,
    'no root that is trusted vouches for its certificate',
  ],
  [
    /wrong version number|packet length too long|WRONG_VERSION_NUMBER|PACKET_LENGTH/i,
    'it does not speak TLS there',
  ],
  [
    /unsupported protocol|alert protocol version|UNSUPPORTED_PROTOCOL|ALERT_PROTOCOL_VERSION/i,
    'it speaks no version of TLS from 1.2 on',
  ],
];

/** @param peer who was asked: "kdsintf.amd.com" */
export function socketFailure(error: unknown, peer: string): VerifierError {
  if (error instanceof VerifierError) return error;
  const code = codeOf(error);
  const detail = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  const known = fetchCodeOf(code);
  const reason = known === 'TLS_FAILED' ? wordsOfTls(`${code} ${detail}`) : words[known];
  return new VerifierError(
    known,
    `${peer}: ${reason ?? 'the exchange failed'} (${code || detail.slice(0, 120)}).`,
    {
      cause: error,
    },
  );
}

function wordsOfTls(text: string): string {
  return tlsWords.find(([pattern]) => pattern.test(text))?.[1] ?? 'no secure connection came about';
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
