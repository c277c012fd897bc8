/** NVIDIA's reference integrity manifests: SWID tags with golden measurements (TCG RIM, ISO/IEC 19770-2). */
import { fromHex } from '@vitrine/bytes';
import { type Certificate, X509Error, verifyChain, inOrder } from '@vitrine/x509';
import { type Check, passed } from '@vitrine/appraisal';
import { refuseAs, refuseAsync } from '../error.ts';
import { nvidiaTrustAnchors } from './anchors.ts';
import { nvidiaError, type NvidiaErrorCode } from './error.ts';
import { type Repeated, createRepeated } from './repeated.ts';
import { type OcspInput, revocationChecks } from './revocation.ts';
import { type XmlElement, parseXml } from './xml.ts';
import { type XmlSignature, parseXmlSignature, verifyXmlSignature } from './xml-signature.ts';

declare const authentic: unique symbol;

export interface RimMeasurement {
  /** From 0: index i is compared with the report's block i + 1. */
  readonly index: number;
  readonly active: boolean;
  /** Any of these may be found, 48 bytes each. */
  readonly values: readonly Uint8Array[];
}

/** Parsed, not verified. */
export interface Rim {
  /** SoftwareIdentity name and Meta product: "GH100". */
  readonly name: string;
  readonly product: string;
  /** colloquialVersion: "545.00" or "96.00.5E.00.01". */
  readonly version: string;
  readonly kind: 'driver' | 'vbios';
  readonly tagId: string;
  readonly measurements: readonly RimMeasurement[];
  readonly signature: XmlSignature;
  readonly document: XmlElement;
}

export interface AuthenticRim extends Rim {
  readonly [authentic]: true;
  readonly checks: readonly Check[];
}

export interface RimEvidence {
  readonly xml: Uint8Array;
  /** RIM roots to trust; NVIDIA's without. */
  readonly anchors?: readonly Certificate[];
  readonly now: Date;
  /** DER of OCSP responses for the signer's chain. */
  readonly ocspResponses?: readonly Uint8Array[];
  /** Shared with devices and other manifests of the same machine, so that what they have in common is verified once. */
  readonly repeated?: Repeated;
}

const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
const SHA384 = 'http://www.w3.org/2001/04/xmlenc#sha384';
const HASH_BYTES = 48;
const MAX_MEASUREMENTS = 256;
const MAX_ALTERNATIVES = 64;

/** @throws EvidenceError RIM_MALFORMED or one of the XML codes */
export function parseRim(xml: Uint8Array): Rim {
  return refuseAs<NvidiaErrorCode, Rim>('RIM_MALFORMED', () => {
    const document = parseXml(xml);
    if (document.local !== 'SoftwareIdentity' || document.namespace !== SWID)
      refuse('the root is no SoftwareIdentity');
    const signature = parseXmlSignature(document);
    const meta = only(document, 'Meta');
    const version = attribute(meta, 'colloquialVersion');
    return {
      name: attribute(document, 'name'),
      product: attribute(meta, 'product'),
      version,
      // A VBIOS version is five pairs of hexadecimal digits.
      kind: /^[0-9A-Fa-f]{2}(\.[0-9A-Fa-f]{2}){4}$/.test(version) ? 'vbios' : 'driver',
      tagId: attribute(document, 'tagId'),
      measurements: parsePayload(only(document, 'Payload')),
      signature,
      document,
    };
  });
}

/**
 * The signature is good and its signer's chain ends in a trusted root: both are needed.
 * @throws EvidenceError a code of parseRim, RIM_SIGNATURE_INVALID, RIM_CHAIN_INVALID, RIM_EXPIRED,
 *   RIM_CERTIFICATE_REVOKED, RIM_CERTIFICATE_ON_HOLD, RIM_OCSP_UNKNOWN, RIM_OCSP_INVALID
 */
export async function authenticateRim(evidence: RimEvidence): Promise<AuthenticRim> {
  const rim = parseRim(evidence.xml);
  const { repeated = createRepeated() } = evidence;
  const certificates = rim.signature.certificates.map(repeated.certificate);
  await inOrder([
    refuseAsync('RIM_SIGNATURE_INVALID', () => verifyXmlSignature(rim.document, rim.signature)),
    verifyRimChain(certificates, evidence),
  ]);
  const ocsp: OcspInput = { now: evidence.now, responses: evidence.ocspResponses, repeated };
  const checks = [
    passed({
      rule: `nvidia.rim.${rim.kind}.signature`,
      expected: 'XML signature over the whole document',
      found: 'good',
      source: 'W3C XMLDSig 1.1 section 3.2',
    }),
    passed({
      rule: `nvidia.rim.${rim.kind}.chain`,
      expected: 'chain to a trusted RIM root',
      found: `${certificates.length} certificates`,
      source: 'RFC 5280 section 6',
    }),
    ...(await revocationChecks(certificates, 'RIM', `nvidia.rim.${rim.kind}.revocation`, ocsp)),
  ];
  return { ...rim, checks } as unknown as AuthenticRim;
}

async function verifyRimChain(certificates: readonly Certificate[], evidence: RimEvidence): Promise<void> {
  await refuseAsync(rimChainCode, () =>
    verifyChain(certificates, {
      anchors: evidence.anchors ?? nvidiaTrustAnchors().rim,
      now: evidence.now,
      what: 'RIM chain',
    }),
  );
  if (certificates.length < 2)
    throw nvidiaError('RIM_CHAIN_INVALID', 'RIM chain: the root itself is no signer.');
}

function rimChainCode(cause: Error): NvidiaErrorCode {
  const isTime = cause instanceof X509Error && ['EXPIRED', 'NOT_YET_VALID'].includes(cause.code);
  return isTime ? 'RIM_EXPIRED' : 'RIM_CHAIN_INVALID';
}

function parsePayload(payload: XmlElement): RimMeasurement[] {
  const resources = elements(payload);
  if (resources.length === 0 || resources.length > MAX_MEASUREMENTS)
    refuse(`${resources.length} measurements`);
  const measurements = resources.map(parseResource);
  if (new Set(measurements.map(({ index }) => index)).size !== measurements.length)
    refuse('two measurements have one index');
  return measurements;
}

function parseResource(resource: XmlElement): RimMeasurement {
  if (resource.local !== 'Resource' || resource.namespace !== SWID) refuse(`${resource.local} in Payload`);
  if (attribute(resource, 'type') !== 'Measurement') refuse('a Resource that is no Measurement');
  const active = attribute(resource, 'active');
  if (active !== 'True' && active !== 'False') refuse(`active is ${active}`);
  const alternatives = number(attribute(resource, 'alternatives'), MAX_ALTERNATIVES);
  const hashes = resource.attributes.filter(({ namespace }) => namespace === SHA384);
  if (alternatives === 0 || hashes.length !== alternatives)
    refuse(`${alternatives} alternatives but ${hashes.length} hashes`);
  const values = Array.from({ length: alternatives }, (_, at) =>
    fromHex(attribute(resource, `Hash${at}`, SHA384), `RIM Hash${at}`, HASH_BYTES),
  );
  return {
    index: number(attribute(resource, 'index'), MAX_MEASUREMENTS),
    active: active === 'True',
    values,
  };
}

function number(text: string, max: number): number {
  if (!/^(0|[1-9][0-9]{0,3})$/.test(text) || Number(text) > max) refuse(`the number ${text.slice(0, 20)}`);
  return Number(text);
}

function elements(parent: XmlElement): XmlElement[] {
  return parent.children.filter((child) => {
    if (typeof child === 'string' && child.trim() !== '') refuse(`text in ${parent.local}`);
    return typeof child !== 'string';
  });
}

function only(parent: XmlElement, local: string): XmlElement {
  const found = elements(parent).filter((child) => child.local === local);
  const [element] = found;
  if (found.length !== 1 || element?.namespace !== SWID)
    return refuse(`expected one ${local}, found ${found.length}`);
  return element;
}

function attribute(element: XmlElement, local: string, namespace = ''): string {
  const found = element.attributes.find((each) => each.local === local && each.namespace === namespace);
  return found?.value ?? refuse(`${element.local} has no ${local}`);
}

function refuse(reason: string): never {
  throw nvidiaError('RIM_MALFORMED', `RIM: ${reason}.`);
}
