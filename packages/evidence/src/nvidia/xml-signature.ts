/** The one form of XML signature that NVIDIA's manifests have (W3C XMLDSig 1.1, RFC 6931). */
import { digest, equalBytes, fromBase64, utf8 } from '@vitrine/bytes';
import { type Certificate, parseCertificate, verifyEcdsa } from '@vitrine/x509';
import { canonicalXml } from './canonical-xml.ts';
import { type NvidiaErrorCode, nvidiaError } from './error.ts';
import type { XmlElement } from './xml.ts';

const XMLDSIG = 'http://www.w3.org/2000/09/xmldsig#';
const algorithm = {
  canonicalization: 'http://www.w3.org/2006/12/xml-c14n11',
  signature: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384',
  digest: 'http://www.w3.org/2001/04/xmldsig-more#sha384',
  enveloped: 'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
} as const;
const MAX_CERTIFICATES = 10;

/** Parsed, not verified. */
export interface XmlSignature {
  readonly element: XmlElement;
  readonly signedInfo: XmlElement;
  /** SHA-384 of the document without the signature. */
  readonly digestValue: Uint8Array;
  /** r ‖ s, 96 bytes. */
  readonly signatureValue: Uint8Array;
  /** The signer first. */
  readonly certificates: readonly Certificate[];
}

/** @throws EvidenceError RIM_SIGNATURE_MISPLACED, RIM_REFERENCE_INVALID, RIM_ALGORITHM_UNSUPPORTED, RIM_MALFORMED */
export function parseXmlSignature(root: XmlElement): XmlSignature {
  const element = onlySignature(root);
  const [signedInfo, value, keyInfo] = children(element, 'SignedInfo', 'SignatureValue', 'KeyInfo');
  const [c14n, method, reference] = children(
    signedInfo!,
    'CanonicalizationMethod',
    'SignatureMethod',
    'Reference',
  );
  requireAlgorithm(c14n!, algorithm.canonicalization);
  requireAlgorithm(method!, algorithm.signature);
  if (attribute(reference!, 'URI') !== '') refuse('RIM_REFERENCE_INVALID', 'the Reference URI is not ""');
  const [transforms, digestMethod, digestValue] = children(
    reference!,
    'Transforms',
    'DigestMethod',
    'DigestValue',
  );
  requireTransforms(transforms!);
  requireAlgorithm(digestMethod!, algorithm.digest);
  const [x509Data] = children(keyInfo!, 'X509Data');
  return {
    element,
    signedInfo: signedInfo!,
    digestValue: base64Of(digestValue!),
    signatureValue: base64Of(value!),
    certificates: certificatesOf(x509Data!),
  };
}

/** @throws EvidenceError RIM_SIGNATURE_INVALID */
export async function verifyXmlSignature(root: XmlElement, signature: XmlSignature): Promise<void> {
  const { publicKey } = signature.certificates[0]!;
  if (publicKey.kind !== 'ec' || publicKey.curve !== 'P-384')
    throw nvidiaError('RIM_SIGNATURE_INVALID', 'RIM: the signer has no P-384 key.');
  const key = { curve: publicKey.curve, point: publicKey.point };
  const [found, isSigned] = await Promise.all([
    digest('SHA-384', utf8(canonicalXml(root, signature.element))),
    verifyEcdsa(key, 'SHA-384', signature.signatureValue, utf8(canonicalXml(signature.signedInfo))),
  ]);
  if (!isSigned) refuse('RIM_SIGNATURE_INVALID', 'SignedInfo is not signed by the signer');
  if (!equalBytes(found, signature.digestValue))
    refuse('RIM_SIGNATURE_INVALID', 'the document does not have the digest that is signed');
}

/** In the whole document one, and that the root's last child. */
function onlySignature(root: XmlElement): XmlElement {
  const found: XmlElement[] = [];
  const walk = (element: XmlElement): void => {
    // Any namespace: a Signature that another reader could take for one is not let through.
    if (element.local === 'Signature') found.push(element);
    for (const child of element.children) if (typeof child !== 'string') walk(child);
  };
  walk(root);
  const last = root.children.findLast((child) => typeof child !== 'string');
  if (found.length !== 1 || found[0] !== last || found[0]?.namespace !== XMLDSIG)
    refuse(
      'RIM_SIGNATURE_MISPLACED',
      `expected one Signature, the last child of the root, found ${found.length}`,
    );
  return found[0];
}

/** The element's children must be just these, in this order, with no text between but white space. */
function children(element: XmlElement, ...names: readonly string[]): XmlElement[] {
  const found: XmlElement[] = [];
  for (const child of element.children) {
    if (typeof child !== 'string') found.push(child);
    else if (child.trim() !== '') refuse('RIM_MALFORMED', `text in ${element.local}`);
  }
  const isExpected =
    found.length === names.length &&
    found.every((child, at) => child.namespace === XMLDSIG && child.local === names[at]);
  if (!isExpected) refuse('RIM_MALFORMED', `${element.local} does not hold ${names.join(', ')}`);
  return found;
}

function requireAlgorithm(element: XmlElement, expected: string): void {
  children(element);
  const found = attribute(element, 'Algorithm');
  if (found !== expected)
    refuse('RIM_ALGORITHM_UNSUPPORTED', `${element.local}: expected ${expected}, found ${found}`);
}

function requireTransforms(transforms: XmlElement): void {
  const found = transforms.children.filter((child) => typeof child !== 'string');
  if (found.length !== 2) refuse('RIM_ALGORITHM_UNSUPPORTED', `${found.length} transforms instead of two`);
  const [enveloped, c14n] = children(transforms, 'Transform', 'Transform');
  requireAlgorithm(enveloped!, algorithm.enveloped);
  requireAlgorithm(c14n!, algorithm.canonicalization);
}

/** The only attribute. */
function attribute(element: XmlElement, name: string): string {
  const [only, ...others] = element.attributes;
  if (only?.local !== name || only.namespace !== '' || others.length > 0)
    return refuse('RIM_MALFORMED', `${element.local} does not have just ${name}`);
  return only.value;
}

function certificatesOf(x509Data: XmlElement): Certificate[] {
  const count = x509Data.children.filter((child) => typeof child !== 'string').length;
  if (count < 1 || count > MAX_CERTIFICATES) refuse('RIM_MALFORMED', `${count} certificates`);
  const names = Array.from({ length: count }, () => 'X509Certificate');
  return children(x509Data, ...names).map((element, at) =>
    parseCertificate(base64Of(element), `RIM certificate ${at}`),
  );
}

function base64Of(element: XmlElement): Uint8Array {
  const [text, ...others] = element.children;
  if (typeof text !== 'string' || others.length > 0 || element.attributes.length > 0)
    return refuse('RIM_MALFORMED', `${element.local} is not just text`);
  return fromBase64(text.replaceAll('\n', ''), `RIM ${element.local}`);
}

function refuse(code: NvidiaErrorCode, reason: string): never {
  throw nvidiaError(code, `RIM signature: ${reason}.`);
}
