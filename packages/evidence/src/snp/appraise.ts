/** A policy over an authentic report, rule by rule. */
import { equalBytes, isZero, toHex } from '@vitrine/bytes';
import { type Appraisal, type Check, appraisalOf, decided } from '@vitrine/appraisal';
import type { AuthenticSnpReport } from './authenticate.ts';
import { type SnpCertificateTable, appraiseCertificateTable } from './certificate-table.ts';
import type {
  BitRule,
  GuestPolicyBit,
  OneOf,
  PlatformInfoBit,
  SnpPolicy,
  SnpPolicyCode,
  TcbFloors,
} from './policy.ts';
import { type FirmwareVersion, hasValidReservedBits } from './report.ts';
import { type SnpTcb, formatTcb, isAtLeast, sameTcb } from './tcb.ts';

/** @param certificateTable the table that came with an extended report, for the policy's rules on it */
export function appraiseSnp(
  authentic: AuthenticSnpReport,
  policy: SnpPolicy = {},
  certificateTable: SnpCertificateTable = [],
): Appraisal {
  return appraisalOf([
    ...guestPolicyRules(authentic, policy),
    ...vmplRule(authentic, policy),
    ...identityRules(authentic, policy),
    ...platformRules(authentic, policy),
    ...firmwareRules(authentic, policy),
    ...tcbRules(authentic, policy),
    ...idBlockRules(authentic, policy),
    ...mitigationRules(authentic, policy),
    ...appraiseCertificateTable(authentic, certificateTable, policy.certificateTable),
    ...revocationRule(authentic, policy),
  ]);
}

type Authentic = AuthenticSnpReport;

interface Judged {
  readonly rule: string;
  readonly expected: string;
  readonly found: string;
  /** Field of section 7.3, or another section. */
  readonly source: string;
}

function judge(holds: boolean, judged: Judged, code: SnpPolicyCode, reason?: string): Check {
  const { rule, source, ...rest } = judged;
  return decided(
    holds,
    { rule: `snp.policy.${rule}`, ...rest, source: `SEV-SNP ABI 56860, ${source}` },
    code,
    reason,
  );
}

const defaultBits: SnpPolicy['guestPolicy'] = { debug: false, migrateMa: false };

function guestPolicyRules({ report: { policy: found } }: Authentic, policy: SnpPolicy): Check[] {
  const source = 'section 4.3';
  const raw = `0x${found.raw.toString(16)}`;
  const checks = [
    judge(
      hasValidReservedBits(found),
      {
        rule: 'guest-policy.reserved',
        expected: 'bit 17 set, bits from 26 on clear',
        found: raw,
        source,
      },
      'GUEST_POLICY_RESERVED_BIT_SET',
    ),
    ...bitRules('guest-policy', 'GUEST_POLICY', { ...defaultBits, ...policy.guestPolicy }, found, source),
  ];
  const { minimumAbi } = policy;
  if (minimumAbi) {
    const { abiMajor: major, abiMinor: minor } = found;
    const isNew = isVersionAtLeast([major, minor], [minimumAbi.major, minimumAbi.minor]);
    const expected = `ABI ${minimumAbi.major}.${minimumAbi.minor} or later`;
    const judged = { rule: 'guest-policy.abi', expected, found: `ABI ${major}.${minor}`, source };
    checks.push(judge(isNew, judged, 'GUEST_POLICY_ABI_TOO_OLD'));
  }
  return checks;
}

function platformRules({ report: { platformInfo: found } }: Authentic, policy: SnpPolicy): Check[] {
  const source = 'section 7.3, PLATFORM_INFO';
  const checks = bitRules('platform', 'PLATFORM_INFO', policy.platformInfo ?? {}, found, source);
  const allowed = policy.platformInfoAllowed;
  if (allowed !== undefined) {
    const expected = `no bit outside 0x${allowed.toString(16)}`;
    const judged = { rule: 'platform.ceiling', expected, found: `0x${found.raw.toString(16)}`, source };
    checks.push(judge((found.raw & ~allowed) === 0n, judged, 'PLATFORM_INFO_INVALID'));
  }
  return checks;
}

/** One rule a bit that is named: 'smtAllowed' is rule 'guest-policy.smt-allowed', code GUEST_POLICY_SMT_ALLOWED_SET. */
function bitRules<Bit extends GuestPolicyBit | PlatformInfoBit>(
  rule: string,
  code: string,
  rules: Readonly<Partial<Record<Bit, BitRule>>>,
  found: Readonly<Record<NoInfer<Bit>, boolean>>,
  source: string,
): Check[] {
  return (Object.entries(rules) as [Bit, BitRule | undefined][]).flatMap(([bit, expected]) => {
    if (expected === undefined || expected === 'any') return [];
    const words = bit.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const judged = {
      rule: `${rule}.${words}`,
      expected: expected ? 'set' : 'clear',
      found: found[bit] ? 'set' : 'clear',
      source,
    };
    const name = `${code}_${words.replaceAll('-', '_').toUpperCase()}_${found[bit] ? 'SET' : 'CLEAR'}`;
    return [judge(found[bit] === expected, judged, name as SnpPolicyCode)];
  });
}

function vmplRule({ report: { vmpl } }: Authentic, { vmpl: allowed = 0 }: SnpPolicy): Check[] {
  if (allowed === 'any') return [];
  const list = listOf(allowed);
  const judged = {
    rule: 'vmpl',
    expected: list.join(' or '),
    found: vmpl === 0xffffffff ? 'asked for by the host' : String(vmpl),
    source: 'section 7.3, VMPL',
  };
  return [judge(list.includes(vmpl), judged, 'VMPL_MISMATCH')];
}

function identityRules({ report, product, vek }: Authentic, policy: SnpPolicy): Check[] {
  const { minimumGuestSvn } = policy;
  const chipIds = policy.chipId && listOf(policy.chipId).map(fillChipId);
  return [
    ...bytesRule('measurement', report.measurement, policy.measurement, 'MEASUREMENT_MISMATCH'),
    ...bytesRule('report-data', report.reportData, policy.reportData, 'REPORT_DATA_MISMATCH'),
    ...bytesRule('host-data', report.hostData, policy.hostData, 'HOST_DATA_MISMATCH'),
    ...bytesRule('image-id', report.imageId, policy.imageId, 'IMAGE_ID_MISMATCH'),
    ...bytesRule('family-id', report.familyId, policy.familyId, 'FAMILY_ID_MISMATCH'),
    ...bytesRule('report-id', report.reportId, policy.reportId, 'REPORT_ID_MISMATCH'),
    ...bytesRule('report-id-ma', report.reportIdMa, policy.reportIdMa, 'REPORT_ID_MA_MISMATCH'),
    ...bytesRule('chip-id', report.chipId, chipIds, 'CHIP_ID_MISMATCH'),
    ...textRule('product', product, policy.product, 'PRODUCT_NOT_ALLOWED'),
    ...textRule('signing-key', vek.kind, policy.signingKey, 'SIGNING_KEY_NOT_ALLOWED'),
    ...textRule('csp-id', vek.cspId, policy.cspId, 'CSP_ID_MISMATCH'),
    ...floorRule('guest-svn', report.guestSvn, minimumGuestSvn, 'GUEST_SVN_TOO_LOW'),
  ];
}

/** A Turin chip's 8 bytes stand at the front of CHIP_ID. */
function fillChipId(chipId: Uint8Array): Uint8Array {
  if (chipId.length !== 8) return chipId;
  const filled = new Uint8Array(64);
  filled.set(chipId);
  return filled;
}

function bytesRule(
  rule: string,
  found: Uint8Array,
  allowed: OneOf<Uint8Array> | undefined,
  code: SnpPolicyCode,
): Check[] {
  if (!allowed) return [];
  const list = allowed instanceof Uint8Array ? [allowed] : allowed;
  const source = `section 7.3, ${rule.replaceAll('-', '_').toUpperCase()}`;
  const judged = { rule, expected: list.map(toHex).join(' or '), found: toHex(found), source };
  return [
    judge(
      list.some((one) => equalBytes(one, found)),
      judged,
      code,
    ),
  ];
}

function textRule<T extends string>(
  rule: string,
  found: T | undefined,
  allowed: OneOf<T> | undefined,
  code: SnpPolicyCode,
): Check[] {
  if (allowed === undefined) return [];
  const list = listOf(allowed);
  const judged = { rule, expected: list.join(' or '), found: found ?? 'none', source: 'section 7.3' };
  return [judge(found !== undefined && list.includes(found), judged, code)];
}

function floorRule(rule: string, found: number, floor: number | undefined, code: SnpPolicyCode): Check[] {
  if (floor === undefined) return [];
  const judged = { rule, expected: `${floor} or more`, found: String(found), source: 'section 7.3' };
  return [judge(found >= floor, judged, code)];
}

function firmwareRules({ report, tcb }: Authentic, policy: SnpPolicy): Check[] {
  const { currentFirmware: current, committedFirmware: committed } = report;
  const checks: Check[] = [];
  const floor = policy.minimumFirmware;
  if (floor) {
    const isNew = [current, committed].every(({ major, minor, build }) =>
      isVersionAtLeast([major, minor, build], [floor.major, floor.minor, floor.build ?? 0]),
    );
    const judged = {
      rule: 'firmware',
      expected: `${formatFirmware({ build: 0, ...floor })} or later, running and committed`,
      found: `${formatFirmware(current)} and ${formatFirmware(committed)}`,
      source: 'section 7.3, CURRENT_MAJOR and following',
    };
    checks.push(judge(isNew, judged, 'FIRMWARE_OUT_OF_DATE'));
  }
  if (policy.permitProvisionalFirmware === false) {
    const isCommitted =
      sameTcb(tcb.current, tcb.committed) && formatFirmware(current) === formatFirmware(committed);
    const judged = {
      rule: 'firmware.committed',
      expected: `what runs is committed: ${formatFirmware(current)}, ${formatTcb(tcb.current)}`,
      found: `${formatFirmware(committed)}, ${formatTcb(tcb.committed)}`,
      source: 'section 3.3',
    };
    checks.push(judge(isCommitted, judged, 'FIRMWARE_PROVISIONAL'));
  }
  return checks;
}

function formatFirmware({ major, minor, build }: FirmwareVersion): string {
  return `${major}.${minor} build ${build}`;
}

/** The most significant part first. */
function isVersionAtLeast(found: readonly number[], floor: readonly number[]): boolean {
  const at = found.findIndex((part, index) => part !== floor[index]);
  return at < 0 || found[at]! > floor[at]!;
}

function tcbRules({ product, tcb }: Authentic, policy: SnpPolicy): Check[] {
  const rule = (name: string, found: SnpTcb, floors: TcbFloors | undefined, code: SnpPolicyCode): Check[] => {
    if (!floors) return [];
    const floor = floors[product];
    const judged = {
      rule: `tcb.${name}`,
      expected: floor ? `at least ${formatTcb(floor)}` : `a floor for ${product}`,
      found: formatTcb(found),
      source: `section 7.3, ${name.toUpperCase()}_TCB`,
    };
    if (!floor) return [judge(false, judged, 'TCB_FLOOR_MISSING', `the policy has no floor for ${product}`)];
    return [judge(isAtLeast(found, floor), judged, code)];
  };
  return [
    ...rule('reported', tcb.reported, policy.minimumTcb, 'TCB_OUT_OF_DATE'),
    ...rule('committed', tcb.committed, policy.minimumCommittedTcb, 'COMMITTED_TCB_OUT_OF_DATE'),
    ...rule('launch', tcb.launch, policy.minimumLaunchTcb, 'LAUNCH_TCB_OUT_OF_DATE'),
  ];
}

function idBlockRules({ report }: Authentic, policy: SnpPolicy): Check[] {
  const { idKeyDigest, authorKeyDigest, signerInfo } = report;
  const source = 'section 7.3, ID_KEY_DIGEST and AUTHOR_KEY_DIGEST';
  const checks: Check[] = [];
  const found = `ID key ${toHex(idKeyDigest)}, author key ${toHex(authorKeyDigest)}`;
  if (policy.requireIdBlock) {
    const judged = { rule: 'id-block', expected: 'an ID block that a key signed', found, source };
    checks.push(judge(!isZero(idKeyDigest), judged, 'ID_BLOCK_MISSING'));
  }
  if (policy.requireAuthorKey) {
    const holds = signerInfo.authorKeyEnabled && !isZero(authorKeyDigest);
    const judged = { rule: 'author-key', expected: 'an author key', found, source };
    checks.push(judge(holds, judged, 'AUTHOR_KEY_MISSING'));
  }
  checks.push(...bytesRule('id-key-digest', idKeyDigest, policy.idKeyDigest, 'ID_KEY_DIGEST_MISMATCH'));
  checks.push(
    ...bytesRule('author-key-digest', authorKeyDigest, policy.authorKeyDigest, 'AUTHOR_KEY_DIGEST_MISMATCH'),
  );
  if (policy.trustedIdBlockKeys) {
    const { idKeyDigests = [], authorKeyDigests = [] } = policy.trustedIdBlockKeys;
    const isListed = (list: readonly Uint8Array[], digest: Uint8Array): boolean =>
      !isZero(digest) && list.some((one) => equalBytes(one, digest));
    const holds =
      isListed(idKeyDigests, idKeyDigest) ||
      (signerInfo.authorKeyEnabled && isListed(authorKeyDigests, authorKeyDigest));
    const expected = `one of ${idKeyDigests.length} ID keys or ${authorKeyDigests.length} author keys`;
    checks.push(judge(holds, { rule: 'id-block.keys', expected, found, source }, 'ID_BLOCK_UNTRUSTED'));
  }
  return checks;
}

function mitigationRules({ report }: Authentic, policy: SnpPolicy): Check[] {
  const rule = (
    name: string,
    found: bigint | undefined,
    floor: bigint | undefined,
    code: SnpPolicyCode,
  ): Check[] => {
    if (floor === undefined) return [];
    const judged = {
      rule: `mitigation.${name}`,
      expected: `bits 0x${floor.toString(16)} set`,
      found: found === undefined ? `none in version ${report.version}` : `0x${found.toString(16)}`,
      source: `section 7.3, ${name.toUpperCase()}_MIT_VECTOR`,
    };
    return [judge(found !== undefined && (found & floor) === floor, judged, code)];
  };
  const { launchMitigationVector: launch, currentMitigationVector: current } = report;
  return [
    ...rule('launch', launch, policy.minimumLaunchMitigations, 'LAUNCH_MITIGATION_MISSING'),
    ...rule('current', current, policy.minimumCurrentMitigations, 'CURRENT_MITIGATION_MISSING'),
  ];
}

function revocationRule({ revocation }: Authentic, { requireRevocation }: SnpPolicy): Check[] {
  if (!requireRevocation) return [];
  const rule = {
    rule: 'snp.policy.revocation',
    expected: 'a revocation list of the ARK',
    found: revocation === 'checked' ? 'one that is in force' : 'none was given',
    source: 'VCEK specification 57230, section 4.3',
  };
  return [decided(revocation === 'checked', rule, 'REVOCATION_NOT_CHECKED')];
}

function listOf<T>(value: OneOf<T>): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
