/** Asks a service for its evidence, one dialect after the other. */
import { toHex } from '@vitrine/bytes';
import type { Dialect } from '../dialect.ts';
import { VerifierError } from '../error.ts';
import type { Presented } from '../presented.ts';
import type { Answer, RecordedAnswer, Source } from '../source.ts';
import { type DocumentOptions, parseDocument } from './document.ts';
import { nonceBytes } from './reading.ts';

export interface EndpointOptions extends DocumentOptions {
  /** 32 bytes that nobody else has seen. */
  readonly nonce: Uint8Array;
}

export interface EndpointAnswer {
  readonly presented: Presented;
  /** Every question and its answer, the last one being the document. */
  readonly documents: readonly RecordedAnswer[];
}

interface Place {
  readonly dialect: Dialect;
  readonly path: string;
  /** Sent as a query; the dialect has no nonce where it is not. */
  readonly takesNonce: boolean;
}

/** In the order in which they are asked: what binds more comes first. */
const places: readonly Place[] = [
  { dialect: 'vitrine', path: '/.well-known/vitrine/attestation', takesNonce: true },
  { dialect: 'tinfoil', path: '/.well-known/tinfoil-attestation', takesNonce: true },
  {
    dialect: 'blyss',
    path: '/.well-known/appspecific/dev.blyss.enclave/attestation.json',
    takesNonce: false,
  },
];

/** Statuses that say: this service has no such document. Anything else says nothing about the next dialect. */
const absentStatuses = [404, 410];

/**
 * @param origin "https://host" or "https://host:port"
 * @throws VerifierError ARGUMENT_INVALID; DIALECT_UNKNOWN: no place has a document; DOCUMENT_MALFORMED,
 *   EVIDENCE_UNSUPPORTED; the code of the source's own answer
 */
export async function readEndpoint(
  source: Source,
  origin: string,
  { dialect, nonce }: EndpointOptions,
): Promise<EndpointAnswer> {
  if (nonce.length !== nonceBytes)
    throw new VerifierError('ARGUMENT_INVALID', `A nonce has ${nonceBytes} bytes, found ${nonce.length}.`);
  const documents: RecordedAnswer[] = [];
  for (const place of places) {
    if (dialect !== undefined && place.dialect !== dialect) continue;
    const request = { kind: 'endpoint-document', url: placeUrl(origin, place, nonce) } as const;
    const answer = await source.get(request);
    documents.push({ request, answer });
    if (answer.ok) return { presented: await readAnswer(answer.bytes, place, dialect), documents };
    if (!isAbsent(answer)) throw new VerifierError(answer.code, `${request.url}: ${answer.message}`);
  }
  throw new VerifierError(
    'DIALECT_UNKNOWN',
    `${origin} has no evidence of ${dialect === undefined ? 'any dialect that is known' : `the dialect ${dialect}`}: ` +
      `${documents.map(({ request }) => new URL(request.url).pathname).join(', ')} ` +
      `${documents.length === 1 ? 'does' : 'do'} not exist there.`,
  );
}

function placeUrl(origin: string, { path, takesNonce }: Place, nonce: Uint8Array): string {
  const base = originOf(origin);
  return `${base}${path}${takesNonce ? `?nonce=${toHex(nonce)}` : ''}`;
}

/** Scheme, host and port, and nothing behind them. */
function originOf(origin: string): string {
  const url = URL.parse(origin);
  const isOrigin = url !== null && (origin === url.origin || origin === `${url.origin}/`);
  if (!isOrigin || !(url.protocol === 'https:' || url.protocol === 'http:'))
    throw new VerifierError(
      'ARGUMENT_INVALID',
      `Expected an origin like https://host, found ${origin.slice(0, 100)}.`,
    );
  return url.origin;
}

function isAbsent(answer: Extract<Answer, { ok: false }>): boolean {
  return answer.code === 'HTTP_STATUS' && absentStatuses.includes(answer.status ?? 0);
}

/** A place has documents of its own dialect; which form, the document says. */
function readAnswer(bytes: Uint8Array, place: Place, named: Dialect | undefined): Promise<Presented> {
  return parseDocument(bytes, { dialect: named ?? place.dialect });
}
