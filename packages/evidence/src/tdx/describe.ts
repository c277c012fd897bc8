/** Quotes, collateral and event logs as plain values, for people and for JSON: names of the documents, bytes as hexadecimal. */
import { latin1, toHex } from '@vitrine/bytes';
import { formatName } from '@vitrine/x509';
import { decodeTdAttributes, decodeXfam } from './attributes.ts';
import type { ParsedCollateral } from './collateral.ts';
import type { TdxEventLog } from './event-log.ts';
import { type PckChain, type SgxExtension, parsePck, parsePckChain } from './pck.ts';
import type { QeIdentity } from './qe-identity.ts';
import type { TdReport, TdxQuote } from './quote.ts';
import type { TcbInfo, TcbVerdict } from './tcb-info.ts';

export type Described =
  string | number | boolean | null | readonly Described[] | { readonly [name: string]: Described };

/** Nothing in it was verified. @throws EvidenceError for a PCK chain that cannot be read */
export function describeTdxQuote(quote: TdxQuote): Described {
  const { header, body, qeReport } = quote;
  const chain = parsePckChain(quote.pckChain);
  return {
    kind: 'Intel TDX quote',
    header: {
      version: header.version,
      attestationKeyType: 'ECDSA P-256',
      teeType: 'TDX',
      svns: toHex(header.svns),
      qeVendorId: toHex(header.qeVendorId),
      userData: toHex(header.userData),
    },
    body: describeTdReport(body, quote.bodyType),
    signature: toHex(quote.signature),
    attestationKey: toHex(quote.attestationKey),
    qeReport: {
      cpuSvn: toHex(qeReport.cpuSvn),
      miscSelect: toHex(qeReport.miscSelect),
      attributes: toHex(qeReport.attributes),
      mrEnclave: toHex(qeReport.mrEnclave),
      mrSigner: toHex(qeReport.mrSigner),
      isvProdId: qeReport.isvProdId,
      isvSvn: qeReport.isvSvn,
      reportData: toHex(qeReport.reportData),
    },
    qeAuthenticationData: toHex(quote.qeAuthenticationData),
    pck: describePck(parsePck(chain.leaf)),
    pckChain: describeChain(chain),
    quoteBytes: quote.raw.length,
    trailingBytes: quote.trailingBytes.length,
  };
}

function describeTdReport(body: TdReport, bodyType: 2 | 3): Described {
  const { raw, ...attributes } = decodeTdAttributes(body.tdAttributes);
  return {
    type: bodyType === 3 ? 'TD 1.5' : 'TD 1.0',
    teeTcbSvn: toHex(body.teeTcbSvn),
    mrSeam: toHex(body.mrSeam),
    mrSignerSeam: toHex(body.mrSignerSeam),
    seamAttributes: toHex(body.seamAttributes),
    tdAttributes: { value: toHex(body.tdAttributes), number: `0x${raw.toString(16)}`, ...attributes },
    xfam: { value: toHex(body.xfam), components: decodeXfam(body.xfam) },
    mrTd: toHex(body.mrTd),
    mrConfigId: toHex(body.mrConfigId),
    mrOwner: toHex(body.mrOwner),
    mrOwnerConfig: toHex(body.mrOwnerConfig),
    rtmrs: body.rtmrs.map(toHex),
    reportData: toHex(body.reportData),
    ...(body.teeTcbSvn2 && { teeTcbSvn2: toHex(body.teeTcbSvn2) }),
    ...(body.mrServiceTd && { mrServiceTd: toHex(body.mrServiceTd) }),
  };
}

function describePck(pck: SgxExtension): Described {
  return {
    fmspc: toHex(pck.fmspc),
    pceId: toHex(pck.pceId),
    pceSvn: pck.pceSvn,
    cpuSvn: toHex(pck.cpuSvn),
    componentSvns: pck.componentSvns,
    ppid: toHex(pck.ppid),
    sgxType: pck.sgxType ?? null,
    platformInstanceId: pck.platformInstanceId ? toHex(pck.platformInstanceId) : null,
    configuration: pck.configuration
      ? {
          dynamicPlatform: pck.configuration.dynamicPlatform ?? null,
          cachedKeys: pck.configuration.cachedKeys ?? null,
          smtEnabled: pck.configuration.smtEnabled ?? null,
        }
      : null,
  };
}

function describeChain({ leaf, intermediate, root }: PckChain): Described {
  return [leaf, intermediate, root].map((certificate) => ({
    subject: formatName(certificate.subject),
    serialNumber: certificate.serialNumber,
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
  }));
}

export function describeTcbInfo(info: TcbInfo): Described {
  return {
    kind: 'Intel TDX TCB info',
    fmspc: toHex(info.fmspc),
    pceId: toHex(info.pceId),
    issueDate: info.issueDate.toISOString(),
    nextUpdate: info.nextUpdate.toISOString(),
    tcbEvaluationDataNumber: info.tcbEvaluationDataNumber,
    tdxModules: info.tdxModuleIdentities.map(({ id, mrSigner, tcbLevels }) => ({
      id,
      mrSigner: toHex(mrSigner),
      tcbLevels: tcbLevels.map((level) => ({ isvSvn: level.isvSvn, ...describeVerdict(level) })),
    })),
    tcbLevels: info.tcbLevels.map((level) => ({
      sgxComponentSvns: level.sgxComponentSvns,
      pceSvn: level.pceSvn,
      tdxComponentSvns: level.tdxComponentSvns,
      ...describeVerdict(level),
    })),
  };
}

export function describeQeIdentity(identity: QeIdentity): Described {
  return {
    kind: 'Intel TD QE identity',
    issueDate: identity.issueDate.toISOString(),
    nextUpdate: identity.nextUpdate.toISOString(),
    tcbEvaluationDataNumber: identity.tcbEvaluationDataNumber,
    mrSigner: toHex(identity.mrSigner),
    isvProdId: identity.isvProdId,
    miscSelect: toHex(identity.miscSelect),
    miscSelectMask: toHex(identity.miscSelectMask),
    attributes: toHex(identity.attributes),
    attributesMask: toHex(identity.attributesMask),
    tcbLevels: identity.tcbLevels.map((level) => ({ isvSvn: level.isvSvn, ...describeVerdict(level) })),
  };
}

function describeVerdict({ tcbStatus, tcbDate, advisoryIds }: TcbVerdict): {
  readonly [name: string]: Described;
} {
  return { tcbStatus, tcbDate: tcbDate.toISOString(), advisoryIds };
}

export function describeTdxCollateral(collateral: ParsedCollateral): Described {
  const { tcbInfo, qeIdentity, pckCrl, rootCrl } = collateral;
  const list = (crl: ParsedCollateral['pckCrl']): Described =>
    crl
      ? {
          issuer: formatName(crl.issuer),
          thisUpdate: crl.thisUpdate.toISOString(),
          nextUpdate: crl.nextUpdate?.toISOString() ?? null,
          revoked: crl.revoked.size,
        }
      : null;
  return {
    kind: 'Intel TDX collateral',
    tcbInfo: tcbInfo ? describeTcbInfo(tcbInfo) : null,
    qeIdentity: qeIdentity ? describeQeIdentity(qeIdentity) : null,
    pckCrl: list(pckCrl),
    rootCrl: list(rootCrl),
  };
}

/** The data of an event as printable ASCII, other bytes as dots, at most 64. */
export function describeTdxEventLog({ events, paddingBytes }: TdxEventLog): Described {
  return {
    kind: 'TDX event log',
    events: events.map((event) => ({
      register: event.rtmr === undefined ? 'MRTD' : `RTMR${event.rtmr}`,
      type: event.eventName,
      ...(event.name === undefined ? {} : { name: event.name }),
      digest: toHex(event.digest),
      dataBytes: event.data.length,
      data: latin1(event.data.subarray(0, 64)).replaceAll(/[^ -~]/g, '.'),
    })),
    paddingBytes,
  };
}
