/** A TPM's quote: TPMS_ATTEST of type TPM_ST_ATTEST_QUOTE (TPM 2.0 Library, part 2, section 10.12). Big-endian. */
import { ByteReader } from '@vitrine/bytes';
import { refuseAs } from '../error.ts';
import { snpError } from './error.ts';

/** Parsed, not authenticated. */
export interface TpmQuote {
  /** qualifiedSigner: algorithm and digest of the key's name. */
  readonly qualifiedSigner: Uint8Array;
  /** extraData: the verifier's nonce. May be empty, and the quote then fresh for nobody. */
  readonly nonce: Uint8Array;
  readonly clock: bigint;
  readonly resetCount: number;
  readonly restartCount: number;
  /** The clock has not gone back. */
  readonly safe: boolean;
  readonly firmwareVersion: bigint;
  readonly pcrSelections: readonly PcrSelection[];
  /** Digest of the selected PCRs, one behind the other. */
  readonly pcrDigest: Uint8Array;
}

export interface PcrSelection {
  /** TPM_ALG_ID: 0x000b is SHA-256. */
  readonly hash: number;
  /** Numbers, ascending. */
  readonly pcrs: readonly number[];
}

const TPM_GENERATED = 0xff544347;
const TPM_ST_ATTEST_QUOTE = 0x8018;
/** Names, nonces and digests of TPMs in use have at most a SHA-512 and its algorithm. */
const MAX_TPM2B_BYTES = 66;
const MAX_SELECTIONS = 16;

/** @throws EvidenceError VTPM_QUOTE_MALFORMED */
export function parseTpmQuote(bytes: Uint8Array): TpmQuote {
  return refuseAs('VTPM_QUOTE_MALFORMED', () => {
    const reader = new ByteReader(bytes, 'TPM quote');
    const magic = reader.u32be('magic');
    const type = reader.u16be('type');
    if (magic !== TPM_GENERATED || type !== TPM_ST_ATTEST_QUOTE)
      throw malformed('it does not begin as a quote that a TPM generated');
    const quote = {
      qualifiedSigner: takeSized(reader, 'qualifiedSigner'),
      nonce: takeSized(reader, 'extraData'),
      clock: reader.u64be('clock'),
      resetCount: reader.u32be('resetCount'),
      restartCount: reader.u32be('restartCount'),
      safe: readYesNo(reader),
      firmwareVersion: reader.u64be('firmwareVersion'),
      pcrSelections: readSelections(reader),
      pcrDigest: takeSized(reader, 'pcrDigest'),
    };
    reader.end();
    return quote;
  });
}

function takeSized(reader: ByteReader, field: string): Uint8Array {
  const sizeBytes = reader.u16be(`size of ${field}`);
  if (sizeBytes > MAX_TPM2B_BYTES) throw malformed(`${field} has ${sizeBytes} bytes`);
  return reader.take(sizeBytes, field);
}

function readYesNo(reader: ByteReader): boolean {
  const value = reader.u8('safe');
  if (value > 1) throw malformed(`safe is ${value}, neither yes nor no`);
  return value === 1;
}

function readSelections(reader: ByteReader): PcrSelection[] {
  const count = reader.u32be('count of PCR selections');
  if (count > MAX_SELECTIONS) throw malformed(`${count} PCR selections`);
  return Array.from({ length: count }, () => {
    const hash = reader.u16be('hash of a selection');
    const sizeBytes = reader.u8('size of a selection');
    if (sizeBytes > 4) throw malformed(`a PCR selection has ${sizeBytes} bytes`);
    const bits = reader.take(sizeBytes, 'PCR selection');
    const pcrs = Array.from({ length: sizeBytes * 8 }, (_, pcr) => pcr);
    return { hash, pcrs: pcrs.filter((pcr) => ((bits[pcr >> 3]! >> (pcr & 7)) & 1) === 1) };
  });
}

function malformed(why: string): Error {
  return snpError('VTPM_QUOTE_MALFORMED', `TPM quote: ${why}.`);
}
