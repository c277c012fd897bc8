/**
 * The certificate table of an extended report (GHCB specification 56421, section 4.1.8.1): entries of a GUID, an offset and
 * a length, closed by an entry of zeros; the certificates lie behind. Offsets count from the table's beginning.
 */
import { ByteReader, formatGuid, fromHex, isZero, toHex } from '@vitrine/bytes';
import { type Check, decided } from '@vitrine/appraisal';
import { refuseAs } from '../error.ts';
import type { AuthenticSnpReport } from './authenticate.ts';
import { snpError } from './error.ts';
import type { SnpPolicyCode } from './policy.ts';

export const certificateGuid = {
  vcek: '63da758d-e664-4564-adc5-f4b93be8accd',
  vlek: 'a8074bc2-a25a-483e-aae6-39c045a0b8a1',
  ask: '4ab7b379-bbac-4fe4-a02f-05aef327c782',
  ark: 'c0b406a4-a803-4952-9743-3fb6014cd0ae',
  crl: '92f81bc3-5811-4d3d-97ff-d19f88dc67ea',
} as const;

export interface SnpCertificateEntry {
  readonly guid: string;
  readonly bytes: Uint8Array;
}

export type SnpCertificateTable = readonly SnpCertificateEntry[];

const ENTRY_BYTES = 24;
/** Far more than hosts send; a table is at most 20 pages in practice. */
const MAX_TABLE_BYTES = 1 << 20;
const MAX_ENTRIES = 64;

/**
 * Padding behind the last certificate is zero: a host hands out whole pages. Certificates lie behind the entries, and do
 * not overlap.
 * @throws EvidenceError CERTIFICATE_TABLE_MALFORMED
 */
export function parseCertificateTable(bytes: Uint8Array): SnpCertificateTable {
  if (bytes.length > MAX_TABLE_BYTES)
    throw malformed(`expected at most ${MAX_TABLE_BYTES} bytes, found ${bytes.length}`);
  return refuseAs('CERTIFICATE_TABLE_MALFORMED', () => readTable(bytes));
}

interface Place {
  readonly guid: string;
  readonly start: number;
  readonly end: number;
}

function readTable(bytes: Uint8Array): SnpCertificateTable {
  const reader = new ByteReader(bytes, 'certificate table');
  const places = readPlaces(reader);
  const ordered = [...places].sort((a, b) => a.start - b.start);
  let end = reader.offset;
  for (const place of ordered) {
    if (place.start < end || place.end > bytes.length)
      throw malformed(`${place.guid} lies from byte ${place.start} to ${place.end}, over others or outside`);
    if (!isZero(bytes.subarray(end, place.start))) throw malformed(`bytes before ${place.guid} are not zero`);
    end = place.end;
  }
  if (!isZero(bytes.subarray(end))) throw malformed('bytes behind the last certificate are not zero');
  return places.map(({ guid, start, end: stop }) => ({ guid, bytes: bytes.subarray(start, stop) }));
}

function readPlaces(reader: ByteReader): Place[] {
  const places: Place[] = [];
  for (;;) {
    const guidBytes = reader.take(16, 'GUID');
    const start = reader.u32('offset');
    const length = reader.u32('length');
    if (isZero(guidBytes) && start === 0 && length === 0) return places;
    const guid = readGuid(guidBytes);
    if (length === 0) throw malformed(`${guid} is empty`);
    if (places.some((place) => place.guid === guid)) throw malformed(`${guid} occurs twice`);
    places.push({ guid, start, end: start + length });
    if (places.length > MAX_ENTRIES) throw malformed(`more than ${MAX_ENTRIES} entries`);
  }
}

/**
 * Hosts write a GUID's bytes in the order of its text; some tools in that of UEFI, with the first fields little-endian.
 * The GUIDs that have a meaning here are known in both.
 */
function readGuid(bytes: Uint8Array): string {
  const known: readonly string[] = Object.values(certificateGuid);
  const fields = formatGuid(bytes);
  const text = toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return known.includes(fields) ? fields : text;
}

/** Certificates one behind the other, in the table's order. GUIDs in the order of their text. */
export function encodeCertificateTable(table: SnpCertificateTable): Uint8Array {
  const headBytes = (table.length + 1) * ENTRY_BYTES;
  const encoded = new Uint8Array(table.reduce((length, { bytes }) => length + bytes.length, headBytes));
  const view = new DataView(encoded.buffer);
  let at = headBytes;
  for (const [index, { guid, bytes }] of table.entries()) {
    encoded.set(fromHex(guid.replaceAll('-', ''), 'GUID', 16), index * ENTRY_BYTES);
    view.setUint32(index * ENTRY_BYTES + 16, at, true);
    view.setUint32(index * ENTRY_BYTES + 20, bytes.length, true);
    encoded.set(bytes, at);
    at += bytes.length;
  }
  return encoded;
}

/** Endorsements as `authenticateSnp` takes them. */
export interface TableEndorsements {
  /** The VLEK's certificate where there is one, else the VCEK's. */
  readonly vek: Uint8Array | undefined;
  /** ASK or ASVK, and ARK. */
  readonly intermediates: readonly Uint8Array[];
  readonly crl: Uint8Array | undefined;
}

/** @param kind which key signed, as the report says; without it a VLEK goes before a VCEK */
export function endorsementsOf(table: SnpCertificateTable, kind?: 'VCEK' | 'VLEK'): TableEndorsements {
  const find = (guid: string): Uint8Array | undefined => table.find((entry) => entry.guid === guid)?.bytes;
  const vcek = find(certificateGuid.vcek);
  const vlek = find(certificateGuid.vlek);
  return {
    vek: kind === 'VCEK' ? vcek : kind === 'VLEK' ? vlek : (vlek ?? vcek),
    intermediates: [find(certificateGuid.ask), find(certificateGuid.ark)].filter((der) => der !== undefined),
    crl: find(certificateGuid.crl),
  };
}

/** What a policy asks of one entry of the table. */
export interface SnpCertificateRule {
  readonly guid: string;
  /** True: the entry must be there. */
  readonly required: boolean;
  /** For messages: "host firmware statement". */
  readonly name?: string;
  /** Why the bytes are refused, or undefined. */
  readonly refuse?: (bytes: Uint8Array, authentic: AuthenticSnpReport) => string | undefined;
}

/** An entry that is absent, and need not be there, yields no check. */
export function appraiseCertificateTable(
  authentic: AuthenticSnpReport,
  table: SnpCertificateTable,
  rules: readonly SnpCertificateRule[] = [],
): Check[] {
  return rules.flatMap(({ guid, required, name = guid, refuse }): Check[] => {
    const bytes = table.find((entry) => entry.guid === guid.toLowerCase())?.bytes;
    if (!bytes && !required) return [];
    const reason = bytes && refuse?.(bytes, authentic);
    const code: SnpPolicyCode = bytes ? 'CERTIFICATE_TABLE_ENTRY_INVALID' : 'CERTIFICATE_TABLE_ENTRY_MISSING';
    const rule = {
      rule: `snp.policy.certificate-table.${guid.toLowerCase()}`,
      expected: refuse ? `${name}, acceptable` : name,
      found: bytes ? `${bytes.length} bytes` : 'nothing',
      source: 'GHCB specification 56421, section 4.1.8.1',
    };
    return [decided(bytes !== undefined && reason === undefined, rule, code, reason)];
  });
}

function malformed(why: string): Error {
  return snpError('CERTIFICATE_TABLE_MALFORMED', `Certificate table: ${why}.`);
}
