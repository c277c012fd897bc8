/** TCB info, QE identity and both revocation lists for simulated platforms, with any status and any defect. */
import { toHex, utf8 } from '@vitrine/bytes';
import type { TcbLevelStatus, TdxCollateral } from '@vitrine/evidence/tdx';
import { formatPemCertificates } from '@vitrine/x509';
import { type SigningKey, issueCrl } from '../authority.ts';
import { type TdxAuthority, type TdxPlatform, simulatedSerialNumbers } from './authority.ts';
import { simulatedQe } from './quote.ts';

export interface IsvLevelRequest {
  readonly isvSvn: number;
  readonly status: TcbLevelStatus;
  readonly tcbDate?: Date;
  readonly advisoryIds?: readonly string[];
}

export interface PlatformLevelRequest {
  readonly status: TcbLevelStatus;
  /** 16 each; default all 5, and 5, 0, 5, 0 … for TDX. */
  readonly sgxComponentSvns?: readonly number[];
  readonly tdxComponentSvns?: readonly number[];
  /** Default 13. */
  readonly pceSvn?: number;
  readonly tcbDate?: Date;
  readonly advisoryIds?: readonly string[];
}

export interface ModuleRequest {
  /** "TDX_01". */
  readonly id: string;
  readonly levels: readonly IsvLevelRequest[];
  readonly mrSigner?: Uint8Array;
}

export interface TdxCollateralRequest {
  /** Of TCB info, QE identity and lists; default 2025-01-01. */
  readonly issueDate?: Date;
  /** Default 30 days later. */
  readonly nextUpdate?: Date;
  readonly fmspc?: Uint8Array;
  readonly pceId?: Uint8Array;
  readonly evaluationDataNumber?: number;
  readonly qeEvaluationDataNumber?: number;
  /** Default one, UpToDate. The highest first. */
  readonly levels?: readonly PlatformLevelRequest[];
  /** Default TDX_01 with SVN 5, UpToDate. */
  readonly modules?: readonly ModuleRequest[];
  readonly qeLevels?: readonly IsvLevelRequest[];
  readonly qeMrSigner?: Uint8Array;
  readonly qeIsvProdId?: number;
  readonly tcbInfoVersion?: number;
  readonly tcbInfoId?: string;
  readonly qeIdentityVersion?: number;
  readonly qeIdentityId?: string;
  /** Of PCK certificates. */
  readonly revokedPck?: readonly number[];
  /** Of what the root issued. */
  readonly revokedByRoot?: readonly number[];
  readonly pckCrlNextUpdate?: Date;
  readonly rootCrlNextUpdate?: Date;
  /** Signs instead of the TCB signing key. */
  readonly tcbInfoSigner?: SigningKey;
  readonly qeIdentitySigner?: SigningKey;
  /** Signs instead of the Platform CA's or the root's key. */
  readonly pckCrlSigner?: SigningKey;
  readonly rootCrlSigner?: SigningKey;
}

const MONTH_MS = 30 * 24 * 60 * 60 * 1000;
const defaultTcbDate = new Date('2024-11-13T00:00:00Z');

export async function issueTdxCollateral(
  authority: TdxAuthority,
  platform: TdxPlatform,
  request: TdxCollateralRequest = {},
): Promise<Required<TdxCollateral>> {
  const { root, platformCa, tcbSigning } = authority;
  const issueDate = request.issueDate ?? new Date('2025-01-01T00:00:00Z');
  const nextUpdate = request.nextUpdate ?? new Date(issueDate.getTime() + MONTH_MS);
  const dates = { issueDate: instant(issueDate), nextUpdate: instant(nextUpdate) };
  const revoked = (serialNumbers: readonly number[] = []): { serialNumber: number; at: Date }[] =>
    serialNumbers.map((serialNumber) => ({ serialNumber, at: issueDate }));
  const signers = utf8(formatPemCertificates([tcbSigning.certificate, root.certificate]));
  return {
    tcbInfo: await signedJson(
      'tcbInfo',
      tcbInfo(request, platform, dates),
      request.tcbInfoSigner ?? tcbSigning.key,
    ),
    tcbInfoIssuerChain: signers,
    qeIdentity: await signedJson(
      'enclaveIdentity',
      qeIdentity(request, dates),
      request.qeIdentitySigner ?? tcbSigning.key,
    ),
    qeIdentityIssuerChain: signers,
    pckCrl: await issueCrl({
      issuer: platformCa.name,
      issuerKey: request.pckCrlSigner ?? platformCa.key,
      thisUpdate: issueDate,
      nextUpdate: request.pckCrlNextUpdate ?? nextUpdate,
      revoked: revoked(request.revokedPck),
    }),
    pckCrlIssuerChain: utf8(formatPemCertificates([platformCa.certificate, root.certificate])),
    rootCrl: await issueCrl({
      issuer: root.name,
      issuerKey: request.rootCrlSigner ?? root.key,
      thisUpdate: issueDate,
      nextUpdate: request.rootCrlNextUpdate ?? nextUpdate,
      revoked: revoked(request.revokedByRoot),
    }),
  };
}

/** Every certificate that the root issued below itself. */
export const simulatedIntermediates = [simulatedSerialNumbers.platformCa, simulatedSerialNumbers.tcbSigning];

async function signedJson(member: string, content: object, key: SigningKey): Promise<Uint8Array> {
  const text = JSON.stringify(content);
  return utf8(`{"${member}":${text},"signature":"${toHex(await key.signRaw(utf8(text)))}"}`);
}

function tcbInfo(request: TdxCollateralRequest, platform: TdxPlatform, dates: object): object {
  const { levels = [{ status: 'UpToDate' }], modules = [defaultModule] } = request;
  return {
    id: request.tcbInfoId ?? 'TDX',
    version: request.tcbInfoVersion ?? 3,
    ...dates,
    fmspc: toHex(request.fmspc ?? platform.fmspc),
    pceId: toHex(request.pceId ?? platform.pceId),
    tcbType: 0,
    tcbEvaluationDataNumber: request.evaluationDataNumber ?? 17,
    tdxModule: moduleFields(undefined),
    tdxModuleIdentities: modules.map(({ id, levels: moduleLevels, mrSigner }) => ({
      id,
      ...moduleFields(mrSigner),
      tcbLevels: moduleLevels.map(isvLevel),
    })),
    tcbLevels: levels.map(platformLevel),
  };
}

const defaultModule: ModuleRequest = { id: 'TDX_01', levels: [{ isvSvn: 5, status: 'UpToDate' }] };

function moduleFields(mrSigner: Uint8Array = new Uint8Array(48)): object {
  return {
    mrsigner: toHex(mrSigner),
    attributes: '0000000000000000',
    attributesMask: 'FFFFFFFFFFFFFFFF',
  };
}

function platformLevel(level: PlatformLevelRequest): object {
  const sgx = level.sgxComponentSvns ?? new Array<number>(16).fill(5);
  const tdx = level.tdxComponentSvns ?? [5, 0, 5, ...new Array<number>(13).fill(0)];
  return {
    tcb: {
      sgxtcbcomponents: sgx.map((svn) => ({ svn })),
      pcesvn: level.pceSvn ?? 13,
      tdxtcbcomponents: tdx.map((svn) => ({ svn })),
    },
    ...verdict(level),
  };
}

function qeIdentity(request: TdxCollateralRequest, dates: object): object {
  const { qeLevels = [{ isvSvn: 4, status: 'UpToDate' }] } = request;
  return {
    id: request.qeIdentityId ?? 'TD_QE',
    version: request.qeIdentityVersion ?? 2,
    ...dates,
    tcbEvaluationDataNumber: request.qeEvaluationDataNumber ?? request.evaluationDataNumber ?? 17,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: '11000000000000000000000000000000',
    attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000',
    mrsigner: toHex(request.qeMrSigner ?? simulatedQe.mrSigner),
    isvprodid: request.qeIsvProdId ?? simulatedQe.isvProdId,
    tcbLevels: qeLevels.map(isvLevel),
  };
}

function isvLevel(level: IsvLevelRequest): object {
  return { tcb: { isvsvn: level.isvSvn }, ...verdict(level) };
}

function verdict(level: IsvLevelRequest | PlatformLevelRequest): object {
  return {
    tcbDate: instant(level.tcbDate ?? defaultTcbDate),
    tcbStatus: level.status,
    ...(level.advisoryIds && { advisoryIDs: level.advisoryIds }),
  };
}

/** Whole seconds, as Intel writes times. */
function instant(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}
