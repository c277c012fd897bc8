/** Identity of the TD quoting enclave, version 2 (Intel PCS API v4, "Get TDX QE Identity"). */
import { equalBytes, toHex } from '@vitrine/bytes';
import { refuseAs } from '../error.ts';
import { tdxError } from './error.ts';
import type { QeReport } from './qe-report.ts';
import { type CollateralDates, type SignedJson, readSignedJson } from './signed-json.ts';
import { type IsvTcbLevel, parseIsvLevel } from './tcb-info.ts';

/** Parsed; its signature is in `signed`. */
export interface QeIdentity extends CollateralDates {
  readonly signed: SignedJson;
  readonly tcbEvaluationDataNumber: number;
  /** 4 bytes in the order of the report, as all of these. */
  readonly miscSelect: Uint8Array;
  readonly miscSelectMask: Uint8Array;
  /** 16 bytes. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  readonly tcbLevels: readonly IsvTcbLevel[];
}

const MAX_LEVELS = 256;

/** @throws EvidenceError QE_IDENTITY_MALFORMED, QE_IDENTITY_ID_INVALID, QE_IDENTITY_VERSION_INVALID */
export function parseQeIdentity(bytes: Uint8Array): QeIdentity {
  const signed = readSignedJson(bytes, 'enclaveIdentity', 'QE_IDENTITY_MALFORMED');
  return refuseAs('QE_IDENTITY_MALFORMED', () => {
    const { content } = signed;
    const version = content.get('version').integer();
    if (version !== 2)
      throw tdxError('QE_IDENTITY_VERSION_INVALID', `QE identity: expected version 2, found ${version}.`);
    const id = content.get('id').string();
    if (id !== 'TD_QE')
      throw tdxError('QE_IDENTITY_ID_INVALID', `QE identity: expected TD_QE, found ${id.slice(0, 20)}.`);
    return {
      signed,
      issueDate: content.get('issueDate').time(),
      nextUpdate: content.get('nextUpdate').time(),
      tcbEvaluationDataNumber: content.get('tcbEvaluationDataNumber').integer(0),
      miscSelect: content.get('miscselect').hex(4),
      miscSelectMask: content.get('miscselectMask').hex(4),
      attributes: content.get('attributes').hex(16),
      attributesMask: content.get('attributesMask').hex(16),
      mrSigner: content.get('mrsigner').hex(32),
      isvProdId: content.get('isvprodid').integer(0, 0xffff),
      tcbLevels: content.get('tcbLevels').items(MAX_LEVELS).map(parseIsvLevel),
    };
  });
}

/** Whether found and expected agree in the bits of the mask. */
export function equalMasked(found: Uint8Array, expected: Uint8Array, mask: Uint8Array): boolean {
  return mask.every((bits, at) => (found[at]! & bits) === (expected[at]! & bits));
}

/** @throws EvidenceError QE_IDENTITY_MRSIGNER_MISMATCH or QE_IDENTITY_FIELD_MISMATCH */
export function requireQeIdentity(report: QeReport, identity: QeIdentity): void {
  if (!equalBytes(report.mrSigner, identity.mrSigner))
    throw tdxError(
      'QE_IDENTITY_MRSIGNER_MISMATCH',
      `QE identity: expected MRSIGNER ${toHex(identity.mrSigner)}, found ${toHex(report.mrSigner)}.`,
    );
  if (report.isvProdId !== identity.isvProdId)
    throw field('ISVPRODID', String(identity.isvProdId), String(report.isvProdId));
  if (!equalMasked(report.miscSelect, identity.miscSelect, identity.miscSelectMask))
    throw field('MISCSELECT', toHex(identity.miscSelect), toHex(report.miscSelect));
  if (!equalMasked(report.attributes, identity.attributes, identity.attributesMask))
    throw field('ATTRIBUTES', toHex(identity.attributes), toHex(report.attributes));
}

function field(name: string, expected: string, found: string): Error {
  return tdxError('QE_IDENTITY_FIELD_MISMATCH', `QE identity: expected ${name} ${expected}, found ${found}.`);
}
