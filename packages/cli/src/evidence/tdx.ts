/** TDX quotes on the command line. */
import { basename } from 'node:path';
import {
  appraiseTdx,
  authenticateTdx,
  parsePck,
  parsePckChain,
  parseTdxQuote,
  tdxCollateralFromFiles,
} from '@vitrine/evidence';
import type { EvidenceVerdict, VerifyInputs } from './verdict.ts';

export async function verifyTdx(bytes: Uint8Array, inputs: VerifyInputs): Promise<EvidenceVerdict> {
  const quote = parseTdxQuote(bytes);
  const { fmspc } = parsePck(parsePckChain(quote.pckChain).leaf);
  const files = new Map(inputs.files.map((file) => [basename(file.path), file.bytes]));
  const authentic = await authenticateTdx({
    quote,
    collateral: tdxCollateralFromFiles(files, fmspc),
    ...(inputs.anchors ? { anchors: inputs.anchors } : {}),
    now: inputs.now,
  });
  const { checks } = appraiseTdx(authentic, {
    ...(inputs.reportData ? { reportData: inputs.reportData } : {}),
    ...(inputs.measurement ? { mrTd: inputs.measurement } : {}),
  });
  return {
    what: `Intel TDX quote, version ${quote.header.version}, TD 1.${quote.bodyType === 3 ? 5 : 0}, TCB ${authentic.tcb.status}`,
    checks: [...authentic.checks, ...checks],
    isProduction: authentic.isProduction,
  };
}
