/** Names that a TLS certificate is for (RFC 5280 section 4.2.1.6), and whether a host is among them (RFC 9525). */
import { BytesError, derTag, equalBytes, latin1, parseDer, primitiveContextTag, toHex } from '@vitrine/bytes';
import { type Certificate, extensionOid } from '@vitrine/x509';

/** subjectAltName by form. */
export interface SubjectNames {
  /** dNSName as written, ASCII. */
  readonly dns: readonly string[];
  /** iPAddress: 4 or 16 bytes. */
  readonly ip: readonly Uint8Array[];
  /** Context tag numbers of the other forms that occur: 1 is rfc822Name, 4 is directoryName, 6 is a URI. */
  readonly otherForms: readonly number[];
}

/** What was connected to. */
export type Host =
  | { readonly kind: 'dns'; /** Lower case, without a dot at the end. */ readonly name: string }
  | { readonly kind: 'ip'; /** 4 or 16 bytes. */ readonly address: Uint8Array };

export const generalNameForm = { dNSName: 2, directoryName: 4, iPAddress: 7 } as const;
const MAX_NAMES = 1024;
const MAX_DNS_CHARACTERS = 253;

/** @throws BytesError */
export function subjectNames({ extensions }: Certificate): SubjectNames {
  const extension = extensions.get(extensionOid.subjectAltName);
  const names = { dns: [] as string[], ip: [] as Uint8Array[], otherForms: [] as number[] };
  if (!extension) return names;
  const elements = parseDer(extension.value, 'subject alternative names').children(derTag.sequence);
  if (elements.length > MAX_NAMES)
    throw new BytesError('TOO_LARGE', `subject alternative names: more than ${MAX_NAMES}.`);
  for (const element of elements) {
    if (element.tag === primitiveContextTag(generalNameForm.dNSName)) {
      names.dns.push(asciiName(element.contents));
    } else if (element.tag === primitiveContextTag(generalNameForm.iPAddress)) {
      if (element.contents.length !== 4 && element.contents.length !== 16)
        throw new BytesError(
          'DER_INVALID',
          'subject alternative names: an address has neither 4 nor 16 bytes.',
        );
      names.ip.push(element.contents);
    } else if ((element.tag & 0xc0) === 0x80) {
      names.otherForms.push(element.tag & 0x1f);
    } else {
      throw new BytesError('DER_INVALID', 'subject alternative names: a name is of no form that there is.');
    }
  }
  return names;
}

/** Printable ASCII: a name that ends in a NUL for one reader must not go on for another. */
export function asciiName(bytes: Uint8Array): string {
  if (!bytes.every((byte) => byte > 0x20 && byte < 0x7f))
    throw new BytesError('DER_INVALID', 'a DNS name has characters that are not printable ASCII.');
  return latin1(bytes);
}

/**
 * A URL's host: a DNS name in ASCII (punycode for others), an IPv4 address, an IPv6 address with or without brackets.
 * Undefined for what is none of them.
 */
export function parseHost(text: string): Host | undefined {
  const address = parseIpv4(text) ?? parseIpv6(text.replace(/^\[(.*)\]$/, '$1'));
  if (address) return { kind: 'ip', address };
  const name = text.toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  // A last label of digits is an attempt at an address, as URLs have it.
  const isName =
    name.length <= MAX_DNS_CHARACTERS &&
    labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) &&
    !/^\d+$/.test(labels.at(-1)!);
  return isName ? { kind: 'dns', name } : undefined;
}

/** Whether the certificate is for the host. Its common name does not count. */
export function isForHost(names: SubjectNames, host: Host): boolean {
  if (host.kind === 'ip') return names.ip.some((address) => equalBytes(address, host.address));
  return names.dns.some((name) => matchesDnsName(name, host.name));
}

/**
 * Exact, or by a wildcard that is the whole left-most label, stands for one label, and has two labels behind it
 * (RFC 9525 section 6.3).
 */
function matchesDnsName(presented: string, host: string): boolean {
  const name = presented.toLowerCase().replace(/\.$/, '');
  if (!name.includes('*')) return name === host;
  const base = name.slice(2);
  if (!name.startsWith('*.') || base.includes('*') || !/^[^.]+\.[^.]/.test(base)) return false;
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot + 1) === base;
}

export function describeNames({ dns, ip }: SubjectNames): string {
  const names = [...dns, ...ip.map(formatAddress)];
  const shown = names.slice(0, 20).join(', ');
  if (names.length === 0) return 'no names';
  return names.length > 20 ? `${shown} and ${names.length - 20} more` : shown;
}

function formatAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  return toHex(address).match(/.{4}/g)!.join(':');
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return Uint8Array.from(parts, Number);
}

/** RFC 4291 section 2.2, without zones. */
function parseIpv6(text: string): Uint8Array | undefined {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0 || !text.includes(':')) return undefined;
  const front = parseGroups(head);
  const back = tail === undefined ? [] : parseGroups(tail);
  if (!front || !back) return undefined;
  const missing = 16 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...front, ...new Array<number>(missing).fill(0), ...back]);
}

/** Groups of four digits; the last may be an IPv4 address. */
function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [at, group] of groups.entries()) {
    const ipv4 = at === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4) bytes.push(...ipv4);
    else if (/^[0-9A-Fa-f]{1,4}$/.test(group))
      bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return bytes;
}
