/** Distinguished names (RFC 5280 section 4.1.2.4). */
import { type Der, derTag, equalBytes } from '@vitrine/bytes';

export interface NameAttribute {
  readonly oid: string;
  readonly value: string;
}

export interface Name {
  /** The name's DER: names are the same when these bytes are. */
  readonly der: Uint8Array;
  readonly attributes: readonly NameAttribute[];
}

const shortNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
};

/** @throws BytesError or RangeError */
export function parseName(element: Der): Name {
  const attributes = element.children(derTag.sequence).flatMap((set) => {
    const members = set.children(derTag.set);
    // RelativeDistinguishedName ::= SET SIZE (1..MAX) OF (RFC 5280 section 4.1.2.4).
    if (members.length === 0) throw new RangeError('a relative name is empty');
    // A SET OF is sorted (X.690 section 11.6).
    if (members.some((member, at) => at > 0 && !isAfter(member.bytes, members[at - 1]!.bytes)))
      throw new RangeError('the attributes of a relative name are out of order');
    return members.map((member) => {
      const fields = member.fields(derTag.sequence);
      const oid = fields.next().oid();
      const value = fields.next().text();
      fields.end();
      return { oid, value };
    });
  });
  return { der: element.bytes, attributes };
}

/** No two attributes are the same (X.501 section 9.3). */
function isAfter(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = 0; at < Math.min(a.length, b.length); at++) if (a[at] !== b[at]) return a[at]! > b[at]!;
  return a.length > b.length;
}

export function sameName(a: Name, b: Name): boolean {
  return equalBytes(a.der, b.der);
}

/** The values of the attribute "CN", "O", … in their order. */
export function attributeValues(name: Name, shortName: string): string[] {
  return name.attributes.filter(({ oid }) => shortNames[oid] === shortName).map(({ value }) => value);
}

/** The only common name, or undefined. */
export function commonName(name: Name): string | undefined {
  const values = attributeValues(name, 'CN');
  return values.length === 1 ? values[0] : undefined;
}

/** For messages: "CN=SEV-Milan, O=Advanced Micro Devices", with control characters as U+FFFD. */
export function formatName(name: Name): string {
  const parts = name.attributes.map(({ oid, value }) => `${shortNames[oid] ?? oid}=${value}`);
  return parts.join(', ').replaceAll(/\p{C}/gu, '\ufffd');
}
