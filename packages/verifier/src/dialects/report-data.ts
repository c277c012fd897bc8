/** REPORTDATA where it stands in raw evidence. Nothing is verified here: the bytes are only found. */
import type { PresentedCpu } from '../presented.ts';
import { maximumQuoteBytes, malformed, reportDataBytes } from './reading.ts';

/** SEV-SNP ABI 56860 section 7.3. */
const SNP_OFFSET = 0x50;
/** Of the TD report's body (Intel TDX DCAP Quoting Library API, appendix A.3.2). */
const TD_REPORT_OFFSET = 520;
const QUOTE_HEADER_BYTES = 48;
/** Body type and size, since version 5 (appendix A.4). */
const BODY_DESCRIPTOR_BYTES = 6;

/**
 * 64 bytes.
 * @param cpu a report has its whole length; a quote may be anything
 * @throws VerifierError DOCUMENT_MALFORMED: the quote is too short, or of a version that has no such place
 */
export function reportDataOf(cpu: PresentedCpu, where: string): Uint8Array {
  return cpu.platform === 'sev-snp'
    ? cut(cpu.report, SNP_OFFSET)
    : cut(cpu.quote, offsetInQuote(cpu.quote, where));
}

function offsetInQuote(quote: Uint8Array, where: string): number {
  const version = (quote[0] ?? 0) | ((quote[1] ?? 0) << 8);
  if (version !== 4 && version !== 5)
    throw malformed(where, 'a TDX quote of version 4 or 5', `version ${version}`);
  const offset = QUOTE_HEADER_BYTES + (version === 5 ? BODY_DESCRIPTOR_BYTES : 0) + TD_REPORT_OFFSET;
  if (quote.length < offset + reportDataBytes || quote.length > maximumQuoteBytes)
    throw malformed(
      where,
      `a TDX quote of ${offset + reportDataBytes} to ${maximumQuoteBytes} bytes`,
      `${quote.length} bytes`,
    );
  return offset;
}

function cut(evidence: Uint8Array, offset: number): Uint8Array {
  return evidence.slice(offset, offset + reportDataBytes);
}
