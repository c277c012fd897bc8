/** Manifests that were altered: bits, and XML that says one thing to the signature and another to the reader. */
import { concatBytes, decodeUtf8, equalBytes, utf8 } from '@vitrine/bytes';
import { type AuthenticRim, authenticateRim, parseRim } from '../../src/nvidia/index.ts';
import { verifyXmlSignature } from '../../src/nvidia/xml-signature.ts';
import { randomNumbers } from '../mutation.ts';
import {
  type Case,
  type Suite,
  type SuiteContext,
  expectEqual,
  expectRefused,
  expectTrue,
} from '../suite.ts';
import { bitsOf, lowestBitsOf, refuseBits } from '../flips.ts';

const now = new Date('2024-06-26T00:00:00Z');
const DRIVER_RIM = 'nvidia/rim/nvtrust/Driver_RIM_test_no_gpu.swidtag';
const VBIOS_RIM = 'nvidia/rim/nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag';

const rimCodes = [
  'RIM_XML_MALFORMED',
  'RIM_XML_DOCTYPE',
  'RIM_XML_ENTITY',
  'RIM_XML_COMMENT',
  'RIM_MALFORMED',
  'RIM_SIGNATURE_MISPLACED',
  'RIM_REFERENCE_INVALID',
  'RIM_ALGORITHM_UNSUPPORTED',
  'RIM_SIGNATURE_INVALID',
  'RIM_CHAIN_INVALID',
  'RIM_EXPIRED',
];

/** Form and signature, without the chain, where the damage does not touch it. */
async function requireSigned(xml: Uint8Array): Promise<void> {
  const rim = parseRim(xml);
  await verifyXmlSignature(rim.document, rim.signature);
}

/** The bytes of an element's text. */
function textRange(xml: string, name: string): [number, number] {
  const from = xml.indexOf(`<ds:${name}>`) + name.length + 5;
  return [from, xml.indexOf(`</ds:${name}>`)];
}

function signedInfoRange(xml: Uint8Array): [number, number] {
  const text = decodeUtf8(xml);
  const [from, to] = [text.indexOf('<ds:SignedInfo>'), text.indexOf('</ds:SignedInfo>')];
  expectTrue(to - from > 500, 'SignedInfo is found');
  return [from, to];
}

function sameGolden(a: AuthenticRim, b: AuthenticRim): boolean {
  const facts = (rim: AuthenticRim) => [rim.name, rim.product, rim.version, rim.kind, rim.tagId].join('\n');
  return (
    facts(a) === facts(b) &&
    a.measurements.length === b.measurements.length &&
    a.measurements.every((one, at) => {
      const other = b.measurements[at]!;
      return (
        one.index === other.index &&
        one.active === other.active &&
        one.values.length === other.values.length &&
        one.values.every((value, index) => equalBytes(value, other.values[index]!))
      );
    })
  );
}

const flips: Case[] = [
  ...['SignatureValue', 'DigestValue'].map((name) => ({
    name: `every bit of ${name}`,
    needsFixtures: true,
    run: async ({ fixture }: SuiteContext) => {
      const xml = await fixture(DRIVER_RIM);
      await requireSigned(xml);
      const [from, to] = textRange(decodeUtf8(xml), name);
      expectEqual(to - from, name === 'SignatureValue' ? 128 : 64);
      await refuseBits(xml, bitsOf(from, to), requireSigned, rimCodes);
    },
  })),
  {
    name: 'every bit of a window of SignedInfo around Reference, and the lowest bit of each of its other bytes',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const xml = await fixture(DRIVER_RIM);
      const [from, to] = signedInfoRange(xml);
      const windowAt = decodeUtf8(xml).indexOf('<ds:Reference');
      const window = bitsOf(windowAt, windowAt + 64);
      await refuseBits(xml, [...window, ...lowestBitsOf(from, to)], requireSigned, rimCodes);
    },
  },
  {
    name: 'every bit of SignedInfo, values and all',
    needsFixtures: true,
    onlyLong: true,
    run: async ({ fixture }) => {
      const xml = await fixture(DRIVER_RIM);
      await refuseBits(xml, bitsOf(...signedInfoRange(xml)), requireSigned, rimCodes);
    },
  },
  {
    name: 'the two lowest bits of each digit of a golden value',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const xml = await fixture(DRIVER_RIM);
      const from = decodeUtf8(xml).indexOf('Hash0="', decodeUtf8(xml).indexOf('active="True"')) + 7;
      const bits = lowestBitsOf(from, from + 96).flatMap((bit) => [bit, bit + 1]);
      await refuseBits(xml, bits, requireSigned, rimCodes);
    },
  },
  ...[
    { count: 400, onlyLong: false },
    { count: 10_000, onlyLong: true },
  ].map(({ count, onlyLong }) => ({
    name: `${count} bits all over the document: refused, or what it says is unchanged`,
    needsFixtures: true,
    onlyLong,
    run: async ({ fixture }: SuiteContext) => {
      const xml = await fixture(DRIVER_RIM);
      const honest = await authenticateRim({ xml, now });
      const random = randomNumbers(count);
      const bits = Array.from({ length: count }, () => random() % (xml.length * 8));
      await refuseBits(
        xml,
        bits,
        (damaged) => authenticateRim({ xml: damaged, now }),
        rimCodes,
        (rim) => sameGolden(rim, honest),
      );
    },
  })),
  {
    name: 'every 16th truncation is refused, and each of the last hundred',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const xml = await fixture(DRIVER_RIM);
      // The last byte is a line feed after the root element, which is no part of it.
      const end = decodeUtf8(xml).trimEnd().length;
      for (let length = 0; length < end; length += length < end - 100 ? 16 : 1)
        await expectRefused(() => parseRim(xml.subarray(0, length)), rimCodes, `length ${length}`);
    },
  },
];

type Change = (xml: string, other: string) => string;

/** The only place that it stands in; a change that changes nothing would prove nothing. */
function replaced(xml: string, from: string, to: string): string {
  const at = xml.indexOf(from);
  expectTrue(at >= 0, `${from} is in the document`);
  return xml.slice(0, at) + to + xml.slice(at + from.length);
}

function signatureOf(xml: string): string {
  const end = '</ds:Signature>';
  return xml.slice(xml.indexOf('<ds:Signature '), xml.indexOf(end) + end.length);
}

function payloadOf(xml: string): string {
  const end = '</ns0:Payload>';
  return xml.slice(xml.indexOf('<ns0:Payload'), xml.indexOf(end) + end.length);
}

const ROOT_END = '</SoftwareIdentity>';
const DOCTYPE = '<!DOCTYPE SoftwareIdentity [<!ENTITY x SYSTEM "file:///etc/passwd">]>';
const first = (xml: string): string => xml.slice(0, xml.indexOf('>') + 1);
/** The document with another root in front whose golden values are the attacker's. */
const evil = (xml: string): string => xml.replaceAll('active="True"', 'active="False"');
const algorithm = {
  c14n: 'http://www.w3.org/2006/12/xml-c14n11"/><ds:SignatureMethod',
  signature: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384',
  digest: 'http://www.w3.org/2001/04/xmldsig-more#sha384',
  enveloped: 'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
};

const attacks: readonly (readonly [string, string, Change])[] = [
  [
    'a second Signature behind it',
    'RIM_SIGNATURE_MISPLACED',
    (x) => replaced(x, ROOT_END, signatureOf(x) + ROOT_END),
  ],
  [
    'a second Signature in the Payload',
    'RIM_SIGNATURE_MISPLACED',
    (x) => replaced(x, '</ns0:Payload>', `${signatureOf(x)}</ns0:Payload>`),
  ],
  [
    'a Signature of another namespace besides',
    'RIM_SIGNATURE_MISPLACED',
    (x) => replaced(x, '<ns0:Payload', '<Signature/><ns0:Payload'),
  ],
  [
    'the Signature under another namespace',
    'RIM_SIGNATURE_MISPLACED',
    (x) => replaced(x, 'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"', 'xmlns:ds="urn:other"'),
  ],
  ['no Signature', 'RIM_SIGNATURE_MISPLACED', (x) => replaced(x, signatureOf(x), '')],
  [
    'the Signature first',
    'RIM_SIGNATURE_MISPLACED',
    (x) => replaced(replaced(x, signatureOf(x), ''), '<ns0:Payload', `${signatureOf(x)}<ns0:Payload`),
  ],
  [
    'the Signature within the Payload',
    'RIM_SIGNATURE_MISPLACED',
    (x) => replaced(replaced(x, signatureOf(x), ''), '</ns0:Payload>', `${signatureOf(x)}</ns0:Payload>`),
  ],
  [
    'the Signature within an element of its own',
    'RIM_SIGNATURE_MISPLACED',
    (x) => replaced(x, signatureOf(x), `<Wrapper>${signatureOf(x)}</Wrapper>`),
  ],
  ['the Payload twice', 'RIM_MALFORMED', (x) => replaced(x, payloadOf(x), payloadOf(x) + payloadOf(x))],
  [
    'a forged Payload in front',
    'RIM_MALFORMED',
    (x) => replaced(x, payloadOf(x), evil(payloadOf(x)) + payloadOf(x)),
  ],
  [
    'a forged Payload behind the Signature',
    'RIM_SIGNATURE_MISPLACED',
    (x) => replaced(x, ROOT_END, evil(payloadOf(x)) + ROOT_END),
  ],
  [
    'the Payload of another manifest',
    'RIM_SIGNATURE_INVALID',
    (x, other) => replaced(x, payloadOf(x), payloadOf(other)),
  ],
  [
    'the Signature of another manifest',
    'RIM_SIGNATURE_INVALID',
    (x, other) => replaced(x, signatureOf(x), signatureOf(other)),
  ],
  [
    'the Meta twice',
    'RIM_MALFORMED',
    (x) => replaced(x, '<ns0:Payload', '<ns0:Meta colloquialVersion="1" product="GH100"/><ns0:Payload'),
  ],
  ['a SoftwareIdentity behind the root', 'RIM_XML_MALFORMED', (x) => x + x],
  [
    'a forged root around the signed one',
    'RIM_SIGNATURE_MISPLACED',
    (x) => `${first(x)}${evil(payloadOf(x))}${x.trimEnd()}${ROOT_END}`,
  ],
  [
    'the signed root in a forged one that holds its Signature',
    'RIM_MALFORMED',
    (x) => `${first(x)}${replaced(x.trimEnd(), signatureOf(x), '')}${signatureOf(x)}${ROOT_END}`,
  ],
  ['a root of another name', 'RIM_MALFORMED', (x) => x.replaceAll('SoftwareIdentity', 'SoftwareIdentities')],
  ['a DOCTYPE in front', 'RIM_XML_DOCTYPE', (x) => DOCTYPE + x],
  ['a DOCTYPE behind the declaration', 'RIM_XML_DOCTYPE', (x) => `<?xml version="1.0"?>\n${DOCTYPE}${x}`],
  [
    'a DOCTYPE within the root',
    'RIM_XML_DOCTYPE',
    (x) => replaced(x, '<ns0:Payload', `${DOCTYPE}<ns0:Payload`),
  ],
  ['a DOCTYPE behind the root', 'RIM_XML_DOCTYPE', (x) => x + DOCTYPE],
  [
    'an external entity and its use',
    'RIM_XML_DOCTYPE',
    (x) => DOCTYPE + replaced(x, '<ns0:Payload', '&x;<ns0:Payload'),
  ],
  ['the use of an entity', 'RIM_XML_ENTITY', (x) => replaced(x, '<ns0:Payload', '&x;<ns0:Payload')],
  [
    'the use of an entity in an attribute',
    'RIM_XML_ENTITY',
    (x) => replaced(x, 'colloquialVersion="', 'colloquialVersion="&x;'),
  ],
  ['a digit as a character reference', 'RIM_XML_ENTITY', (x) => replaced(x, 'index="0"', 'index="&#48;"')],
  ['an ampersand alone', 'RIM_XML_ENTITY', (x) => replaced(x, '<ns0:Payload', '& <ns0:Payload')],
  [
    'a comment within DigestValue',
    'RIM_XML_COMMENT',
    (x) => replaced(x, '</ds:DigestValue>', '<!-- --></ds:DigestValue>'),
  ],
  [
    'a comment within the Payload',
    'RIM_XML_COMMENT',
    (x) => replaced(x, '</ns0:Payload>', '<!-- --></ns0:Payload>'),
  ],
  ['a comment behind the root', 'RIM_XML_COMMENT', (x) => `${x}<!-- -->`],
  [
    'a CDATA section within SignatureValue',
    'RIM_XML_COMMENT',
    (x) => replaced(x, '</ds:SignatureValue>', '<![CDATA[]]></ds:SignatureValue>'),
  ],
  ['a processing instruction', 'RIM_XML_COMMENT', (x) => replaced(x, '<ns0:Payload', '<?x y?><ns0:Payload')],
  [
    'the prefix of the Payload bound anew',
    'RIM_MALFORMED',
    (x) => replaced(x, '<ns0:Payload', '<ns0:Payload xmlns:ns0="urn:other"'),
  ],
  [
    'the prefix of the hashes bound anew',
    'RIM_MALFORMED',
    (x) => replaced(x, '<ns0:Payload', '<ns0:Payload xmlns:ns2="urn:other"'),
  ],
  [
    'another default namespace for an element that does not use it',
    'RIM_SIGNATURE_INVALID',
    (x) => replaced(x, '<ns0:Payload', '<ns0:Payload xmlns="urn:other"'),
  ],
  ['a prefix that is not declared', 'RIM_XML_MALFORMED', (x) => replaced(x, '<ns0:Payload', '<ns9:Payload')],
  ['an attribute twice', 'RIM_XML_MALFORMED', (x) => replaced(x, 'index="0"', 'index="0" index="1"')],
  [
    'an attribute twice by two prefixes',
    'RIM_XML_MALFORMED',
    (x) => replaced(x, 'ns2:Hash0="', `SHA384:Hash0="${'0'.repeat(96)}" ns2:Hash0="`),
  ],
  ['an xml:id', 'RIM_XML_MALFORMED', (x) => replaced(x, '<ns0:Payload', '<ns0:Payload xml:id="x"')],
  [
    'an Id on the root',
    'RIM_SIGNATURE_INVALID',
    (x) => replaced(x, '<SoftwareIdentity', '<SoftwareIdentity Id="x"'),
  ],
  ['a Reference to a part', 'RIM_REFERENCE_INVALID', (x) => replaced(x, 'URI=""', 'URI="#x"')],
  [
    'a Reference to another document',
    'RIM_REFERENCE_INVALID',
    (x) => replaced(x, 'URI=""', 'URI="http://example.com/"'),
  ],
  [
    'a Reference to the root by pointer',
    'RIM_REFERENCE_INVALID',
    (x) => replaced(x, 'URI=""', 'URI="#xpointer(/)"'),
  ],
  ['a Reference without URI', 'RIM_MALFORMED', (x) => replaced(x, ' URI=""', '')],
  [
    'two References',
    'RIM_MALFORMED',
    (x) => {
      const reference = x.slice(x.indexOf('<ds:Reference'), x.indexOf('</ds:SignedInfo>'));
      return replaced(x, reference, reference + reference);
    },
  ],
  [
    'no Reference',
    'RIM_MALFORMED',
    (x) => replaced(x, x.slice(x.indexOf('<ds:Reference'), x.indexOf('</ds:SignedInfo>')), ''),
  ],
  [
    'an Object in the Signature',
    'RIM_MALFORMED',
    (x) => replaced(x, '</ds:Signature>', '<ds:Object/></ds:Signature>'),
  ],
  [
    'a bare key beside the certificates',
    'RIM_MALFORMED',
    (x) => replaced(x, '<ds:X509Data>', '<ds:KeyValue/><ds:X509Data>'),
  ],
  [
    'no certificate',
    'RIM_MALFORMED',
    (x) => replaced(x, x.slice(x.indexOf('<ds:X509Data>') + 13, x.indexOf('</ds:X509Data>')), ''),
  ],
  [
    'another canonicalization',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) =>
      replaced(x, algorithm.c14n, 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/><ds:SignatureMethod'),
  ],
  [
    'a canonicalization with comments',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) =>
      replaced(x, algorithm.c14n, 'http://www.w3.org/2006/12/xml-c14n11#WithComments"/><ds:SignatureMethod'),
  ],
  [
    'HMAC',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) => replaced(x, algorithm.signature, 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha384'),
  ],
  [
    'ECDSA with SHA-1',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) => replaced(x, algorithm.signature, 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1'),
  ],
  [
    'RSA',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) => replaced(x, algorithm.signature, 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha384'),
  ],
  [
    'a digest of SHA-256',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) => replaced(x, algorithm.digest, 'http://www.w3.org/2001/04/xmlenc#sha256'),
  ],
  [
    'a digest of SHA-1',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) => replaced(x, algorithm.digest, 'http://www.w3.org/2000/09/xmldsig#sha1'),
  ],
  [
    'an XPath transform',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) => replaced(x, algorithm.enveloped, 'http://www.w3.org/TR/1999/REC-xpath-19991116'),
  ],
  [
    'an XSLT transform',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) => replaced(x, algorithm.enveloped, 'http://www.w3.org/TR/1999/REC-xslt-19991116'),
  ],
  [
    'a third transform',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) =>
      replaced(
        x,
        '</ds:Transforms>',
        '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/></ds:Transforms>',
      ),
  ],
  [
    'no transform',
    'RIM_ALGORITHM_UNSUPPORTED',
    (x) => replaced(x, x.slice(x.indexOf('<ds:Transform '), x.indexOf('</ds:Transforms>')), ''),
  ],
  ['text within SignedInfo', 'RIM_MALFORMED', (x) => replaced(x, '<ds:Reference', 'text<ds:Reference')],
  [
    'white space within SignedInfo',
    'RIM_SIGNATURE_INVALID',
    (x) => replaced(x, '<ds:Reference', '\n<ds:Reference'),
  ],
  [
    'white space within the Payload',
    'RIM_SIGNATURE_INVALID',
    (x) => replaced(x, '</ns0:Payload>', ' </ns0:Payload>'),
  ],
  [
    'an active measurement made inactive',
    'RIM_SIGNATURE_INVALID',
    (x) => replaced(x, 'active="True"', 'active="False"'),
  ],
  ['another version', 'RIM_SIGNATURE_INVALID', (x) => replaced(x, '545.00', '545.01')],
  ['an index twice', 'RIM_MALFORMED', (x) => replaced(x, 'index="0"', 'index="1"')],
  ['an index that is no number', 'RIM_MALFORMED', (x) => replaced(x, 'index="0"', 'index="0x0"')],
  ['an index with a zero in front', 'RIM_MALFORMED', (x) => replaced(x, 'index="1"', 'index="01"')],
  [
    'more alternatives than hashes',
    'RIM_MALFORMED',
    (x) => replaced(x, 'alternatives="1"', 'alternatives="2"'),
  ],
  ['a hash that is cut short', 'RIM_MALFORMED', (x) => replaced(x, 'Hash0="00', 'Hash0="')],
  ['an active that is neither', 'RIM_MALFORMED', (x) => replaced(x, 'active="False"', 'active="false"')],
  ['a Resource of another type', 'RIM_MALFORMED', (x) => replaced(x, 'type="Measurement"', 'type="File"')],
  [
    'a File in the Payload',
    'RIM_MALFORMED',
    (x) => replaced(x, '</ns0:Payload>', '<ns0:File/></ns0:Payload>'),
  ],
  ['a carriage return', 'RIM_XML_MALFORMED', (x) => replaced(x, '<ns0:Payload', '\r<ns0:Payload')],
  ['a NUL', 'RIM_XML_MALFORMED', (x) => replaced(x, '<ns0:Payload', '\0<ns0:Payload')],
  ['another encoding declared', 'RIM_XML_COMMENT', (x) => `<?xml version="1.0" encoding="UTF-16"?>${x}`],
  ['white space in front', 'RIM_XML_MALFORMED', (x) => ` ${x}`],
  ['text behind the root', 'RIM_XML_MALFORMED', (x) => `${x}text`],
  [
    'elements nested a thousand deep',
    'RIM_XML_MALFORMED',
    (x) => replaced(x, '<ns0:Payload', `${'<a>'.repeat(1000)}${'</a>'.repeat(1000)}<ns0:Payload`),
  ],
  ['over a mebibyte', 'RIM_XML_MALFORMED', (x) => x + '\n'.repeat(1 << 20)],
  [
    'the root certificate left out',
    'RIM_CHAIN_INVALID',
    (x) => replaced(x, x.slice(x.lastIndexOf('<ds:X509Certificate>'), x.indexOf('</ds:X509Data>')), ''),
  ],
  [
    'a certificate in the middle left out',
    'RIM_CHAIN_INVALID',
    (x) => {
      const at = x.indexOf('</ds:X509Certificate>') + 21;
      return replaced(x, x.slice(at, x.indexOf('</ds:X509Certificate>', at) + 21), '');
    },
  ],
];

const wrapping: Case[] = [
  ...attacks.map(([name, code, change]) => ({
    name: `${name}: ${code}`,
    needsFixtures: true,
    run: async ({ fixture }: SuiteContext) => {
      const honest = decodeUtf8(await fixture(DRIVER_RIM));
      const changed = change(honest, decodeUtf8(await fixture(VBIOS_RIM)));
      expectTrue(changed !== honest, 'the document is another one');
      await expectRefused(() => authenticateRim({ xml: utf8(changed), now }), code);
    },
  })),
  {
    name: 'what is not UTF-8, or begins with a byte order mark, is refused',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const xml = await fixture(DRIVER_RIM);
      const codes = ['RIM_MALFORMED', 'RIM_XML_MALFORMED'];
      for (const mark of [
        [0xff, 0xfe],
        [0xef, 0xbb, 0xbf],
        [0xc0, 0x80],
      ])
        await expectRefused(() => parseRim(concatBytes(Uint8Array.from(mark), xml)), codes);
      await expectRefused(() => parseRim(new Uint8Array(0)), codes);
    },
  },
  {
    name: 'white space behind the root, and a declaration in front, change nothing',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const xml = await fixture(DRIVER_RIM);
      const honest = await authenticateRim({ xml, now });
      const declared = concatBytes(utf8('<?xml version="1.0" encoding="UTF-8"?>\n'), xml, utf8('\n'));
      expectTrue(sameGolden(await authenticateRim({ xml: declared, now }), honest), 'the same golden values');
    },
  },
];

export const manifestSuites: readonly Suite[] = [
  { name: 'NVIDIA: damaged manifests', cases: flips },
  { name: 'NVIDIA: manifests that wrap', cases: wrapping },
];
