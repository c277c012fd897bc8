/** TDX TCB info, version 3 (Intel PCS API v4, "Get TDX TCB Info", appendix A). */
import type { JsonNode } from '@vitrine/bytes';
import { refuseAs } from '../error.ts';
import { tdxError } from './error.ts';
import { type CollateralDates, type SignedJson, readSignedJson } from './signed-json.ts';

/** As TCB levels name it. */
export type TcbLevelStatus = (typeof tcbLevelStatuses)[number];
export const tcbLevelStatuses = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const;

/** What a level says of a platform, a module or an enclave that reaches it. */
export interface TcbVerdict {
  readonly tcbStatus: TcbLevelStatus;
  readonly tcbDate: Date;
  readonly advisoryIds: readonly string[];
}

export interface PlatformTcbLevel extends TcbVerdict {
  readonly sgxComponentSvns: readonly number[];
  readonly tdxComponentSvns: readonly number[];
  readonly pceSvn: number;
}

/** Of a TDX module or an enclave. */
export interface IsvTcbLevel extends TcbVerdict {
  readonly isvSvn: number;
}

export interface TdxModule {
  /** 48 bytes. */
  readonly mrSigner: Uint8Array;
  /** 8 bytes, as the next. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
}

export interface TdxModuleIdentity extends TdxModule {
  /** "TDX_03". */
  readonly id: string;
  readonly tcbLevels: readonly IsvTcbLevel[];
}

/** Parsed; its signature is in `signed`. */
export interface TcbInfo extends CollateralDates {
  readonly signed: SignedJson;
  readonly fmspc: Uint8Array;
  readonly pceId: Uint8Array;
  readonly tcbType: number;
  readonly tcbEvaluationDataNumber: number;
  readonly tdxModule: TdxModule;
  readonly tdxModuleIdentities: readonly TdxModuleIdentity[];
  /** The highest first, as published. */
  readonly tcbLevels: readonly PlatformTcbLevel[];
}

const MAX_LEVELS = 256;
const MAX_ADVISORIES = 1024;
const COMPONENTS = 16;

/**
 * Members that are not known are passed over: Intel signs them, and adds some from time to time.
 * @throws EvidenceError TCB_INFO_MALFORMED, TCB_INFO_ID_INVALID, TCB_INFO_VERSION_INVALID
 */
export function parseTcbInfo(bytes: Uint8Array): TcbInfo {
  const signed = readSignedJson(bytes, 'tcbInfo', 'TCB_INFO_MALFORMED');
  return refuseAs('TCB_INFO_MALFORMED', () => {
    const { content } = signed;
    const version = content.get('version').integer();
    if (version !== 3)
      throw tdxError('TCB_INFO_VERSION_INVALID', `TCB info: expected version 3, found ${version}.`);
    const id = content.get('id').string();
    if (id !== 'TDX')
      throw tdxError('TCB_INFO_ID_INVALID', `TCB info: expected TDX, found ${id.slice(0, 20)}.`);
    return {
      signed,
      issueDate: content.get('issueDate').time(),
      nextUpdate: content.get('nextUpdate').time(),
      fmspc: content.get('fmspc').hex(6),
      pceId: content.get('pceId').hex(2),
      tcbType: content.get('tcbType').integer(0, 0),
      tcbEvaluationDataNumber: content.get('tcbEvaluationDataNumber').integer(0),
      tdxModule: parseModule(content.get('tdxModule')),
      tdxModuleIdentities: (content.optional('tdxModuleIdentities')?.items(MAX_LEVELS) ?? []).map((node) => ({
        ...parseModule(node),
        id: node.get('id').string(),
        tcbLevels: node.get('tcbLevels').items(MAX_LEVELS).map(parseIsvLevel),
      })),
      tcbLevels: content.get('tcbLevels').items(MAX_LEVELS).map(parsePlatformLevel),
    };
  });
}

function parseModule(node: JsonNode): TdxModule {
  return {
    mrSigner: node.get('mrsigner').hex(48),
    attributes: node.get('attributes').hex(8),
    attributesMask: node.get('attributesMask').hex(8),
  };
}

function parsePlatformLevel(node: JsonNode): PlatformTcbLevel {
  const tcb = node.get('tcb');
  return {
    ...parseVerdict(node),
    sgxComponentSvns: parseComponents(tcb.get('sgxtcbcomponents')),
    tdxComponentSvns: parseComponents(tcb.get('tdxtcbcomponents')),
    pceSvn: tcb.get('pcesvn').integer(0, 0xffff),
  };
}

function parseComponents(node: JsonNode): number[] {
  const items = node.items(COMPONENTS);
  if (items.length !== COMPONENTS)
    throw tdxError(
      'TCB_INFO_MALFORMED',
      `${node.path}: expected ${COMPONENTS} components, found ${items.length}.`,
    );
  return items.map((item) => item.get('svn').integer(0, 0xffff));
}

/** A level of a module or an enclave. */
export function parseIsvLevel(node: JsonNode): IsvTcbLevel {
  return { ...parseVerdict(node), isvSvn: node.get('tcb').get('isvsvn').integer(0, 0xffff) };
}

function parseVerdict(node: JsonNode): TcbVerdict {
  return {
    tcbStatus: node.get('tcbStatus').word(...tcbLevelStatuses),
    tcbDate: node.get('tcbDate').time(),
    advisoryIds: (node.optional('advisoryIDs')?.items(MAX_ADVISORIES) ?? []).map((item) => item.string()),
  };
}
