/** Reference integrity manifests in the shape of NVIDIA's files, signed (TCG RIM, W3C XMLDSig 1.1). */
import { digest, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { type XmlElement, canonicalXml, parseXml } from '@vitrine/evidence/nvidia';
import type { GpuArchitecture, GpuAuthority, Holder } from './authority.ts';

export interface RimRequest {
  readonly product: GpuArchitecture;
  /** A driver's "550.90.07" or a VBIOS's "96.00.9F.00.01". */
  readonly version: string;
  /** By index; the others up to 64 are written inactive, as zeros. */
  readonly measurements: readonly RimMeasurementRequest[];
  /** Default: the authority's. */
  readonly signedBy?: readonly Holder[];
}

export interface RimMeasurementRequest {
  readonly index: number;
  /** Alternatives, 48 bytes each. */
  readonly values: readonly Uint8Array[];
  /** Default true. */
  readonly active?: boolean;
}

const NUMBER_OF_RESOURCES = 64;
const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
const SHA384 = 'http://www.w3.org/2001/04/xmlenc#sha384';
const XMLDSIG = 'http://www.w3.org/2000/09/xmldsig#';
const C14N = 'http://www.w3.org/2006/12/xml-c14n11';
const RIM_MODEL =
  'https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/';

/** XML, UTF-8. */
export async function issueRim(authority: GpuAuthority, request: RimRequest): Promise<Uint8Array> {
  const chain = request.signedBy ?? authority.rimChain;
  const content = writeContent(request);
  const whole = parseXml(utf8(`${content}</SoftwareIdentity>`));
  const digestValue = toBase64(await digest('SHA-384', utf8(canonicalXml(whole))));
  const unsigned = `${content}${writeSignature(digestValue, '', chain)}</SoftwareIdentity>`;
  const signedInfo = utf8(canonicalXml(find(parseXml(utf8(unsigned)), 'SignedInfo')));
  const signatureValue = toBase64(await chain[0]!.key.signRaw(signedInfo));
  return utf8(`${content}${writeSignature(digestValue, signatureValue, chain)}</SoftwareIdentity>`);
}

/** All before the signature. */
function writeContent({ product, version, measurements }: RimRequest): string {
  const tagId = toHex(crypto.getRandomValues(new Uint8Array(48)));
  const resources = Array.from({ length: NUMBER_OF_RESOURCES }, (_, index) =>
    writeResource(measurements.find((each) => each.index === index) ?? inactive(index)),
  );
  return [
    `<SoftwareIdentity xmlns="${SWID}" xmlns:ns0="${SWID}" xmlns:ns2="${SHA384}" corpus="false" name="${product}" patch="false" supplemental="false" tagId="${tagId}" version="1.0" tagVersion="0">`,
    '    <ns0:Entity name="NVIDIA Corporation" role="softwareCreator tagCreator"/>',
    `    <ns0:Meta xmlns:ns1="${RIM_MODEL}" colloquialVersion="${version}" edition="GPU" product="${product}" revision="r1" PayloadType="direct" ns1:BindingSpec="RIMIM" ns1:BindingSpecVersion="1.01" ns1:PlatformManufacturerId="5703" ns1:PlatformManufacturerStr="NVIDIA Corporation" ns1:PlatformModel="${product}" ns1:FirmwareManufacturer="NVIDIA Corporation" ns1:FirmwareManufacturerId="5703"/>`,
    `    <ns0:Payload xmlns:SHA384="${SHA384}">`,
    ...resources,
    '    </ns0:Payload>',
    '',
  ].join('\n');
}

function inactive(index: number): RimMeasurementRequest {
  return { index, active: false, values: [new Uint8Array(48)] };
}

function writeResource({ index, active = true, values }: RimMeasurementRequest): string {
  const hashes = values.map((value, at) => `ns2:Hash${at}="${toHex(value)}"`).join(' ');
  return `        <ns0:Resource type="Measurement" index="${index}" active="${active ? 'True' : 'False'}" alternatives="${values.length}" ${hashes} name="Measurement_${index}" size="48"/>`;
}

function writeSignature(digestValue: string, signatureValue: string, chain: readonly Holder[]): string {
  const certificates = chain.map(({ certificate }) => {
    const lines = toBase64(certificate.der).replace(/.{76}/g, '$&\n');
    return `<ds:X509Certificate>${lines}\n</ds:X509Certificate>`;
  });
  return [
    `<ds:Signature xmlns:ds="${XMLDSIG}"><ds:SignedInfo>`,
    `<ds:CanonicalizationMethod Algorithm="${C14N}"/>`,
    '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"/>',
    '<ds:Reference URI=""><ds:Transforms>',
    `<ds:Transform Algorithm="${XMLDSIG}enveloped-signature"/><ds:Transform Algorithm="${C14N}"/>`,
    '</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"/>',
    `<ds:DigestValue>${digestValue}</ds:DigestValue></ds:Reference></ds:SignedInfo>`,
    `<ds:SignatureValue>${signatureValue}</ds:SignatureValue>`,
    `<ds:KeyInfo><ds:X509Data>${certificates.join('')}</ds:X509Data></ds:KeyInfo></ds:Signature>`,
  ].join('');
}

function find(element: XmlElement, local: string): XmlElement {
  const pending = [element];
  for (const each of pending) {
    if (each.local === local) return each;
    for (const child of each.children) if (typeof child !== 'string') pending.push(child);
  }
  throw new RangeError(`there is no ${local}`);
}
