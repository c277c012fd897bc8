/** Everything that a verifier needs besides the quote, and the layouts in which it is published. */
import {
  BytesError,
  type JsonNode,
  decodeUtf8,
  equalBytes,
  fromHex,
  parseJson,
  parsePemBlocks,
  toHex,
  utf8,
} from '@vitrine/bytes';
import { type Certificate, type Crl, parseCrl } from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { type TdxErrorCode, tdxError } from './error.ts';
import { readCertificates } from './pck.ts';
import { type QeIdentity, parseQeIdentity } from './qe-identity.ts';
import { type TcbInfo, parseTcbInfo } from './tcb-info.ts';

/**
 * Bytes as published. What is left out is reported as not checked; what is given must be good.
 * Chains are PEM or concatenated DER, with or without the root; lists are DER or PEM.
 */
export interface TdxCollateral {
  /** JSON {tcbInfo, signature}. */
  readonly tcbInfo?: Uint8Array;
  /** TCB signing certificate. Left out, that of the QE identity is taken, and the other way round. */
  readonly tcbInfoIssuerChain?: Uint8Array;
  /** JSON {enclaveIdentity, signature}. */
  readonly qeIdentity?: Uint8Array;
  readonly qeIdentityIssuerChain?: Uint8Array;
  readonly pckCrl?: Uint8Array;
  /** Left out, the intermediate authority of the quote's own chain is taken. */
  readonly pckCrlIssuerChain?: Uint8Array;
  readonly rootCrl?: Uint8Array;
}

/** Parsed, not verified. */
export interface ParsedCollateral {
  readonly tcbInfo: TcbInfo | undefined;
  readonly tcbInfoSigners: readonly Certificate[] | undefined;
  readonly qeIdentity: QeIdentity | undefined;
  readonly qeIdentitySigners: readonly Certificate[] | undefined;
  readonly pckCrl: Crl | undefined;
  readonly pckCrlIssuers: readonly Certificate[] | undefined;
  readonly rootCrl: Crl | undefined;
}

/** @throws EvidenceError with the code of the part that is malformed */
export function parseTdxCollateral(collateral: TdxCollateral): ParsedCollateral {
  const read = <T>(bytes: Uint8Array | undefined, parse: (copy: Uint8Array) => T): T | undefined =>
    bytes && parse(new Uint8Array(bytes));
  const tcbInfoSigners = read(collateral.tcbInfoIssuerChain, (bytes) =>
    readIssuers(bytes, 'TCB info issuer chain', 'TCB_INFO_CHAIN_INVALID'),
  );
  // Intel has one signer for both.
  const isShared =
    collateral.tcbInfoIssuerChain !== undefined &&
    collateral.qeIdentityIssuerChain !== undefined &&
    equalBytes(collateral.tcbInfoIssuerChain, collateral.qeIdentityIssuerChain);
  const qeIdentitySigners = isShared
    ? tcbInfoSigners
    : read(collateral.qeIdentityIssuerChain, (bytes) =>
        readIssuers(bytes, 'QE identity issuer chain', 'QE_IDENTITY_CHAIN_INVALID'),
      );
  return {
    tcbInfo: read(collateral.tcbInfo, parseTcbInfo),
    tcbInfoSigners: tcbInfoSigners ?? qeIdentitySigners,
    qeIdentity: read(collateral.qeIdentity, parseQeIdentity),
    qeIdentitySigners: qeIdentitySigners ?? tcbInfoSigners,
    pckCrl: read(collateral.pckCrl, (bytes) => readCrl(bytes, 'PCK CRL', 'PCK_CRL_MALFORMED')),
    pckCrlIssuers: read(collateral.pckCrlIssuerChain, (bytes) =>
      readIssuers(bytes, 'PCK CRL issuer chain', 'PCK_CRL_INVALID'),
    ),
    rootCrl: read(collateral.rootCrl, (bytes) => readCrl(bytes, 'root CRL', 'ROOT_CRL_MALFORMED')),
  };
}

/** Signer first; some tools write the root first. */
function readIssuers(bytes: Uint8Array, what: string, code: TdxErrorCode): Certificate[] {
  return refuseAs(code, () => {
    const certificates = readCertificates(bytes, what);
    const [first] = certificates;
    const isRootFirst =
      certificates.length === 2 && first && toHex(first.issuer.der) === toHex(first.subject.der);
    return isRootFirst ? certificates.reverse() : certificates;
  });
}

function readCrl(bytes: Uint8Array, what: string, code: TdxErrorCode): Crl {
  return refuseAs(code, () => {
    if (bytes[0] === 0x30) return parseCrl(bytes, what);
    const blocks = parsePemBlocks(decodeUtf8(bytes, what), 'X509 CRL', what);
    if (blocks.length !== 1)
      throw new BytesError('PEM_INVALID', `${what}: expected one list, found ${blocks.length}.`);
    return parseCrl(blocks[0]!, what);
  });
}

/**
 * Collateral from files by their names: `tcb_info_<fmspc>.json`, `qe_identity.json`, `tcb_signing_chain.pem`,
 * `qe_identity_issuer_chain.pem`, `pck_crl_platform.der` or `pck_crl_processor.der`, `pck_crl_issuer_chain.pem`,
 * `root_crl.der`, or one `*collateral*.json` that holds all. Other names are passed over; folders in a name too.
 * @param fmspc which TCB info to take where there are several, 6 bytes
 * @param ca which PCK CRL to take where there are several; default "platform"
 * @throws EvidenceError COLLATERAL_MALFORMED: several TCB infos and no FMSPC, or a JSON that is no collateral
 */
export function tdxCollateralFromFiles(
  files: ReadonlyMap<string, Uint8Array>,
  fmspc?: Uint8Array,
  ca: 'platform' | 'processor' = 'platform',
): TdxCollateral {
  const byName = new Map(
    [...files].map(([path, bytes]) => [path.replace(/^.*[/\\]/, '').toLowerCase(), bytes]),
  );
  const pick = (...names: readonly string[]): Uint8Array | undefined =>
    names.map((name) => byName.get(name)).find((bytes) => bytes !== undefined);
  const whole = [...byName].find(([name]) => /collateral.*\.json$/.test(name))?.[1];
  const signing = pick('tcb_signing_chain.pem', 'tcb_info_issuer_chain.pem');
  return {
    ...(whole && parseTdxCollateralJson(whole)),
    ...present({
      tcbInfo: pickTcbInfo(byName, fmspc),
      tcbInfoIssuerChain: signing,
      qeIdentity: pick('qe_identity.json', 'td_qe_identity.json'),
      qeIdentityIssuerChain: pick('qe_identity_issuer_chain.pem') ?? signing,
      pckCrl: pick(`pck_crl_${ca}.der`, 'pck_crl.der', `pck_crl_${ca}.pem`, 'pck_crl.pem'),
      pckCrlIssuerChain: pick('pck_crl_issuer_chain.pem'),
      rootCrl: pick('root_crl.der', 'root_ca_crl.der', 'root_crl.pem'),
    }),
  };
}

function pickTcbInfo(
  byName: ReadonlyMap<string, Uint8Array>,
  fmspc: Uint8Array | undefined,
): Uint8Array | undefined {
  const infos = [...byName].filter(([name]) => /^tcb_info(_[0-9a-f]{12})?\.json$/.test(name));
  const named = fmspc && byName.get(`tcb_info_${toHex(fmspc)}.json`);
  if (named) return named;
  if (fmspc) return byName.get('tcb_info.json');
  if (infos.length > 1)
    throw tdxError(
      'COLLATERAL_MALFORMED',
      `collateral: there are ${infos.length} TCB infos, and no FMSPC to choose by.`,
    );
  return infos[0]?.[1];
}

/**
 * Collateral as one JSON, as Phala's dcap-qvl writes it: texts `tcb_info`, `qe_identity` (the signed bytes) with
 * `…_signature` and `…_issuer_chain` (PEM), `pck_crl` and `root_ca_crl` (DER in hexadecimal).
 * @throws EvidenceError COLLATERAL_MALFORMED
 */
export function parseTdxCollateralJson(bytes: Uint8Array): TdxCollateral {
  return refuseAs('COLLATERAL_MALFORMED', () => {
    const document = parseJson(bytes, 'collateral');
    const text = (name: string): Uint8Array | undefined => {
      const node = document.optional(name);
      return node && !node.isNull() ? utf8(node.string()) : undefined;
    };
    const list = (name: string): Uint8Array | undefined => {
      const node = document.optional(name);
      return node && !node.isNull() ? fromHex(node.string(), node.path) : undefined;
    };
    return present({
      tcbInfo: joined(document, 'tcb_info', 'tcbInfo'),
      tcbInfoIssuerChain: text('tcb_info_issuer_chain'),
      qeIdentity: joined(document, 'qe_identity', 'enclaveIdentity'),
      qeIdentityIssuerChain: text('qe_identity_issuer_chain'),
      pckCrl: list('pck_crl'),
      pckCrlIssuerChain: text('pck_crl_issuer_chain'),
      rootCrl: list('root_ca_crl'),
    });
  });
}

/** The signed text and its signature as one document, as Intel's service publishes them. */
function joined(document: JsonNode, name: string, member: string): Uint8Array | undefined {
  const node = document.optional(name);
  if (!node || node.isNull()) return undefined;
  const signature = document.get(`${name}_signature`).hex(64);
  const content = parseJson(node.string(), node.path).raw();
  return utf8(`{"${member}":${decodeUtf8(content)},"signature":"${toHex(signature)}"}`);
}

/** Without members that are undefined. */
function present<T extends Readonly<Record<string, Uint8Array | undefined>>>(
  members: T,
): { [K in keyof T]?: Uint8Array } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Uint8Array;
  };
}
