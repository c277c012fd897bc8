/** Report and certificate speak of one chip, one product and one TCB version: what costs no signature to find out. */
import { equalBytes, isZero, toHex } from '@vitrine/bytes';
import { type Check, notChecked, passed } from '@vitrine/appraisal';
import type { SnpTcbs } from './authenticate.ts';
import { snpError } from './error.ts';
import { productOfCpu } from './product.ts';
import type { SnpReport } from './report.ts';
import { encodeTcb, formatTcb, isAtLeast } from './tcb.ts';
import type { Vek } from './vek.ts';

const ABI = 'SEV-SNP ABI 56860';
const KDS = 'VCEK specification 57230';

/** SIGNING_KEY is the kind of key whose certificate was given. Before version 3 the bits are zero, which is VCEK. */
export function requireSigner({ signerInfo }: SnpReport, vek: Vek): Check {
  if (signerInfo.signingKey !== vek.kind)
    throw snpError(
      'SIGNER_INFO_INVALID',
      `The report says that ${signerInfo.signingKey} signed it, the certificate given is of a ${vek.kind}.`,
    );
  return passed({
    rule: 'snp.signer',
    expected: vek.kind,
    found: signerInfo.signingKey,
    source: `${ABI} section 7.3, SIGNING_KEY`,
  });
}

/** Family and model of the report belong to the certificate's product. */
export function requireSameProduct({ cpu, version }: SnpReport, vek: Vek): Check {
  const rule = {
    rule: 'snp.product',
    expected: vek.product,
    source: `${ABI} section 7.3, CPUID_FAM_ID; ${KDS} table 8`,
  };
  if (!cpu) return notChecked(rule, `a report of version ${version} names no processor`);
  const found = `family 0x${cpu.family.toString(16)}, model 0x${cpu.model.toString(16)}`;
  if (productOfCpu(cpu) !== vek.product)
    throw snpError('PRODUCT_MISMATCH', `The certificate is for ${vek.productName}, the report of ${found}.`);
  return passed({ ...rule, found });
}

/**
 * CHIP_ID is the certificate's HWID; on Turin that is its first 8 bytes, and zeros behind. All zero is a CHIP_ID that the
 * host masked: then only the signature tells the chip. A report that a VLEK signed names no chip.
 */
export function requireSameChip({ chipId }: SnpReport, { hwid, kind }: Vek): Check {
  const rule = {
    rule: 'snp.chip',
    expected: hwid ? toHex(hwid) : 'zero, as a VLEK signed',
    source: `${ABI} section 7.3, CHIP_ID; ${KDS} table 8, hwID`,
  };
  const isMasked = isZero(chipId);
  if (hwid && isMasked) return notChecked(rule, 'CHIP_ID is masked');
  const isSame = hwid
    ? equalBytes(chipId.subarray(0, hwid.length), hwid) && isZero(chipId.subarray(hwid.length))
    : isMasked;
  if (isSame) return passed({ ...rule, found: isMasked ? 'zero' : toHex(chipId.subarray(0, hwid?.length)) });
  throw snpError(
    'VCEK_HWID_MISMATCH',
    `Expected the CHIP_ID ${rule.expected} of the ${kind}'s certificate, found ${toHex(chipId)}.`,
  );
}

/** All eight bytes, so that a level which has no name yet is not passed over. */
export function requireSameTcb({ reportedTcb }: SnpReport, { product, tcb, kind }: Vek): Check {
  const expected = encodeTcb(product, tcb);
  if (!equalBytes(expected, reportedTcb))
    throw snpError(
      'VCEK_TCB_MISMATCH',
      `The ${kind}'s certificate is for TCB ${toHex(expected)} (${formatTcb(tcb)}), REPORTED_TCB is ${toHex(reportedTcb)}.`,
    );
  return passed({
    rule: 'snp.tcb.certificate',
    expected: `REPORTED_TCB as in the certificate: ${formatTcb(tcb)}`,
    found: toHex(reportedTcb),
    source: `${KDS} section 3.1; ${ABI} section 7.3, REPORTED_TCB`,
  });
}

/** Nothing is above CURRENT_TCB: firmware reports, commits and launches with at most what it is. */
export function requireOrder({ tcb: certificate }: Vek, { current, committed, launch }: SnpTcbs): Check {
  const below = { 'the certificate': certificate, COMMITTED_TCB: committed, LAUNCH_TCB: launch };
  for (const [name, tcb] of Object.entries(below)) {
    if (isAtLeast(current, tcb)) continue;
    throw snpError(
      'TCB_INCONSISTENT',
      `Expected the TCB of ${name} at or below CURRENT_TCB (${formatTcb(current)}), found ${formatTcb(tcb)}.`,
    );
  }
  return passed({
    rule: 'snp.tcb.order',
    expected: 'certificate, committed and launch TCB at or below current',
    found: `current: ${formatTcb(current)}`,
    source: `${ABI} section 3.3`,
  });
}
