/** A document of any dialect: which one it is shows by its members. */
import { type JsonNode, parseJson } from '@vitrine/bytes';
import type { Dialect } from '../dialect.ts';
import { VerifierError } from '../error.ts';
import type { Presented } from '../presented.ts';
import { presentBlyss } from './blyss/attestation.ts';
import { documentLimits, readDocument } from './reading.ts';
import { presentTinfoilBundle } from './tinfoil/bundle.ts';
import { isTinfoilV2Format, presentTinfoilV2 } from './tinfoil/v2.ts';
import { presentTinfoilV3, tinfoilV3Format } from './tinfoil/v3.ts';
import { presentVitrine, vitrineFormat } from './vitrine.ts';

export interface DocumentOptions {
  /** Read as this dialect or not at all; found out where it is left out. */
  readonly dialect?: Dialect | undefined;
}

type Present = (document: JsonNode) => Promise<Presented>;

const what = 'Document';

/**
 * Whether its nonce is the one that somebody sent is not decided here: see `Presented.binding.nonce`.
 * @param bytes a document as a service answered with it
 * @throws VerifierError DOCUMENT_MALFORMED, EVIDENCE_UNSUPPORTED; DIALECT_UNKNOWN where it is JSON but none of the
 *   dialects, or not the one that was named
 */
export function parseDocument(bytes: Uint8Array, { dialect }: DocumentOptions = {}): Promise<Presented> {
  return readDocument(what, () => {
    const document = parseJson(bytes, what, documentLimits);
    const found = recognise(document);
    if (!found || (dialect !== undefined && found.dialect !== dialect))
      throw unknown(found?.dialect, dialect);
    return found.present(document);
  });
}

function recognise(document: JsonNode): { dialect: Dialect; present: Present } | undefined {
  if (document.kind !== 'object') return undefined;
  const format = document.optional('format');
  const name = format?.kind === 'string' ? format.string() : '';
  if (name === vitrineFormat) return { dialect: 'vitrine', present: presentVitrine };
  if (name === tinfoilV3Format) return { dialect: 'tinfoil', present: presentTinfoilV3 };
  if (isTinfoilV2Format(name)) return { dialect: 'tinfoil', present: presentTinfoilV2 };
  if (document.optional('enclaveAttestationReport'))
    return { dialect: 'tinfoil', present: presentTinfoilBundle };
  if (document.optional('cpu_attestation')) return { dialect: 'blyss', present: presentBlyss };
  return undefined;
}

function unknown(found: Dialect | undefined, expected: Dialect | undefined): VerifierError {
  return new VerifierError(
    'DIALECT_UNKNOWN',
    `Document: expected ${expected === undefined ? 'a dialect that is known' : `the dialect ${expected}`}, found ${
      found ?? 'none of the known ones'
    }.`,
  );
}
