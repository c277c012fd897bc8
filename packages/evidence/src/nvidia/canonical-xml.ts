/** Inclusive Canonical XML 1.1 without comments and xml: attributes (W3C xml-c14n11), of what xml.ts reads. */
import type { XmlAttribute, XmlElement } from './xml.ts';

/**
 * @param without an element that is left out with all it holds: the enveloped signature
 * @returns text, to be encoded as UTF-8
 */
export function canonicalXml(element: XmlElement, without?: XmlElement): string {
  const parts: string[] = [];
  write(element, new Map(), without, parts);
  return parts.join('');
}

function write(
  element: XmlElement,
  rendered: ReadonlyMap<string, string>,
  without: XmlElement | undefined,
  parts: string[],
): void {
  const name = qualified(element.prefix, element.local);
  parts.push('<', name);
  // Section 2.3: namespace nodes by prefix, those the parent has rendered alike left out.
  for (const [prefix, value] of [...element.namespaces].sort(([a], [b]) => compare(a, b))) {
    if ((rendered.get(prefix) ?? (prefix === '' ? '' : undefined)) === value) continue;
    parts.push(prefix === '' ? ' xmlns="' : ` xmlns:${prefix}="`, escapeAttribute(value), '"');
  }
  // Then attributes, by namespace name and local name.
  for (const { prefix, local, value } of [...element.attributes].sort(byName))
    parts.push(' ', qualified(prefix, local), '="', escapeAttribute(value), '"');
  parts.push('>');
  for (const child of element.children) {
    if (child === without) continue;
    if (typeof child === 'string') parts.push(escapeText(child));
    else write(child, element.namespaces, without, parts);
  }
  parts.push('</', name, '>');
}

function qualified(prefix: string, local: string): string {
  return prefix === '' ? local : `${prefix}:${local}`;
}

function byName(a: XmlAttribute, b: XmlAttribute): number {
  return compare(a.namespace, b.namespace) || compare(a.local, b.local);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

function escapeAttribute(value: string): string {
  return value.replaceAll(/[&<"]/g, (character) => references[character]!);
}

function escapeText(text: string): string {
  return text.replaceAll(/[&<>]/g, (character) => references[character]!);
}
