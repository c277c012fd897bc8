/** Tinfoil's document of version 2: evidence alone, compressed; the keys are in REPORTDATA itself. */
import { type JsonNode, isZero, parseJson, sha256, toHex, utf8 } from '@vitrine/bytes';
import type { Presented, PresentedBinding, PresentedCpu, PresentedKeys } from '../../presented.ts';
import { gunzip } from '../gunzip.ts';
import {
  documentLimits,
  malformed,
  maximumQuoteBytes,
  quoted,
  readDocument,
  snpReportBytes,
  someBase64,
  unsupported,
} from '../reading.ts';
import { reportDataOf } from '../report-data.ts';

const what = 'Tinfoil v2 document';
const PREDICATE = 'https://tinfoil.sh/predicate/';
const platforms: ReadonlyMap<string, 'sev-snp' | 'tdx'> = new Map([
  [`${PREDICATE}sev-snp-guest/v2`, 'sev-snp'],
  [`${PREDICATE}tdx-guest/v2`, 'tdx'],
]);
const MAX_BODY_BYTES = 128 * 1024;

/** Format and body, and the evidence that was in it. */
export interface TinfoilV2 {
  readonly cpu: PresentedCpu;
  readonly binding: PresentedBinding;
  readonly keys: PresentedKeys;
  /** SHA-256 of format ‖ body, hexadecimal. */
  readonly documentSha256: string;
}

/**
 * @param bytes the document as it came
 * @throws VerifierError DOCUMENT_MALFORMED, EVIDENCE_UNSUPPORTED
 */
export function parseTinfoilV2(bytes: Uint8Array): Promise<Presented> {
  return readDocument(what, () => presentTinfoilV2(parseJson(bytes, what, documentLimits)));
}

export async function presentTinfoilV2(document: JsonNode): Promise<Presented> {
  return {
    dialect: 'tinfoil',
    form: 'v2',
    ...(await readTinfoilV2(document)),
    devices: { devices: [] },
    release: { bundles: [], platformBundles: [] },
    launch: {},
  };
}

/** Is it a format of this version, or of one that is known and not read? */
export function isTinfoilV2Format(format: string): boolean {
  return (
    format.startsWith(PREDICATE) && /\/v[12]$/.test(format) && !format.startsWith(`${PREDICATE}attestation/`)
  );
}

export async function readTinfoilV2(document: JsonNode): Promise<TinfoilV2> {
  document.onlyNames('format', 'body');
  const format = document.get('format').string();
  const body = document.get('body');
  const platform = platforms.get(format);
  if (!platform) {
    if (isTinfoilV2Format(format)) throw unsupported(`${document.path}.format`, format);
    throw malformed(`${document.path}.format`, [...platforms.keys()].join(' or '), quoted(format));
  }
  const raw = await gunzip(someBase64(body, MAX_BODY_BYTES), maximumQuoteBytes, body.path);
  const cpu = cpuOf(platform, raw, body.path);
  const reportData = reportDataOf(cpu, body.path);
  return {
    cpu,
    binding: {
      expectedReportData: reportData,
      rule: 'SHA-256(TLS key) ‖ HPKE key, as the evidence itself says',
      source: 'Tinfoil attestation document v2, REPORTDATA',
      coversDevices: false,
    },
    keys: {
      tlsSpkiSha256: toHex(reportData.subarray(0, 32)),
      hpkePublicKey: hpkeKeyOf(reportData.subarray(32)),
      others: {},
    },
    documentSha256: toHex(await sha256(utf8(format + body.string()))),
  };
}

/** Zeros are no key: whoever seals to them seals to everybody. */
function hpkeKeyOf(half: Uint8Array): string | undefined {
  return isZero(half) ? undefined : toHex(half);
}

/** What a service's firmware interface gave behind the report is no part of it. */
function cpuOf(platform: 'sev-snp' | 'tdx', raw: Uint8Array, where: string): PresentedCpu {
  if (platform === 'tdx') return { platform, quote: raw };
  if (raw.length < snpReportBytes)
    throw malformed(where, `an SNP report of ${snpReportBytes} bytes`, `${raw.length} bytes`);
  return { platform, report: raw.slice(0, snpReportBytes) };
}
