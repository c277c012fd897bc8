/** A strict reader of the XML subset that NVIDIA's manifests use (W3C XML 1.0, Namespaces in XML 1.0). */
import { decodeUtf8 } from '@vitrine/bytes';
import { type NvidiaErrorCode, nvidiaError } from './error.ts';

export interface XmlAttribute {
  readonly prefix: string;
  readonly local: string;
  /** Namespace name; empty without a prefix. */
  readonly namespace: string;
  readonly value: string;
}

export interface XmlElement {
  readonly prefix: string;
  readonly local: string;
  readonly namespace: string;
  readonly attributes: readonly XmlAttribute[];
  /** All that are in scope, by prefix; '' is the default namespace. */
  readonly namespaces: ReadonlyMap<string, string>;
  readonly children: readonly (XmlElement | string)[];
}

const MAX_XML_BYTES = 1024 * 1024;
const MAX_DEPTH = 16;
const NAME = /[A-Za-z_][A-Za-z0-9_.-]*/y;
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** @throws EvidenceError RIM_XML_MALFORMED, RIM_XML_DOCTYPE, RIM_XML_ENTITY, RIM_XML_COMMENT; BytesError not UTF-8 */
export function parseXml(bytes: Uint8Array): XmlElement {
  if (bytes.length > MAX_XML_BYTES) refuse('RIM_XML_MALFORMED', `${bytes.length} bytes are too many`);
  return new XmlReader(decodeUtf8(bytes, 'RIM')).document();
}

class XmlReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): XmlElement {
    // Control characters are no XML; a carriage return would be read as a line feed.
    // eslint-disable-next-line no-control-regex -- Control characters are what may not be there.
    if (/[\0-\x08\x0b-\x1f\x7f\ufffe\uffff]/.test(this.#text))
      refuse('RIM_XML_MALFORMED', 'a control character or carriage return');
    this.#skip(
      /(?:<\?xml version="1\.0"(?: encoding="(?:UTF|utf)-8")?(?: standalone="(?:yes|no)")?\?>\n?)?/y,
    );
    if (!this.#text.startsWith('<', this.#at)) this.#malformed('expected the root element');
    const root = this.#element(new Map(), 1);
    this.#skip(/\n*/y);
    if (this.#at < this.#text.length) {
      if (this.#text.startsWith('<', this.#at)) this.#requireNoMarkup();
      this.#malformed('there is more after the root element');
    }
    return root;
  }

  #element(outer: ReadonlyMap<string, string>, depth: number): XmlElement {
    if (depth > MAX_DEPTH) this.#malformed(`over ${MAX_DEPTH} elements deep`);
    this.#requireNoMarkup();
    this.#expect('<');
    const name = this.#qualifiedName();
    const raw = this.#attributes();
    const namespaces = new Map(outer);
    for (const { prefix, local, value } of raw) this.#declare(namespaces, prefix, local, value);
    const attributes = this.#resolved(raw, namespaces);
    const namespace = namespaces.get(name.prefix) ?? (name.prefix === '' ? '' : this.#unbound(name.prefix));
    const isEmpty = this.#text.startsWith('/>', this.#at);
    this.#expect(isEmpty ? '/>' : '>');
    const children = isEmpty ? [] : this.#content(namespaces, depth);
    if (!isEmpty) this.#expect(`</${name.prefix ? `${name.prefix}:` : ''}${name.local}>`);
    return { ...name, namespace, attributes, namespaces, children };
  }

  /** One space before each, no space elsewhere: so a tag has one spelling. */
  #attributes(): { prefix: string; local: string; value: string }[] {
    const found: { prefix: string; local: string; value: string }[] = [];
    const names = new Set<string>();
    while (this.#text.startsWith(' ', this.#at)) {
      this.#at += 1;
      const name = this.#qualifiedName();
      const key = `${name.prefix}:${name.local}`;
      if (names.has(key)) this.#malformed(`the attribute ${key} appears twice`);
      names.add(key);
      this.#expect('="');
      const end = this.#text.indexOf('"', this.#at);
      if (end < 0) this.#malformed('an attribute does not end');
      const value = this.#unescaped(this.#text.slice(this.#at, end));
      if (/[\t\n<]/.test(this.#text.slice(this.#at, end)))
        this.#malformed('an attribute has a line break or "<"');
      this.#at = end + 1;
      found.push({ ...name, value });
    }
    return found;
  }

  #declare(namespaces: Map<string, string>, prefix: string, local: string, value: string): void {
    if (prefix === 'xml' || local === 'xml' || (prefix === 'xmlns' && local === 'xmlns'))
      this.#malformed('an xml: attribute or declaration');
    if (prefix === '' && local === 'xmlns') namespaces.set('', value);
    if (prefix !== 'xmlns') return;
    if (value === '') this.#malformed(`the prefix ${local} is undeclared`);
    namespaces.set(local, value);
  }

  #resolved(
    raw: readonly { prefix: string; local: string; value: string }[],
    namespaces: ReadonlyMap<string, string>,
  ): XmlAttribute[] {
    const seen = new Set<string>();
    const attributes: XmlAttribute[] = [];
    for (const { prefix, local, value } of raw) {
      if (prefix === 'xmlns' || (prefix === '' && local === 'xmlns')) continue;
      const namespace = prefix === '' ? '' : (namespaces.get(prefix) ?? this.#unbound(prefix));
      const key = `${namespace} ${local}`;
      if (seen.has(key)) this.#malformed(`two attributes are ${local}`);
      seen.add(key);
      attributes.push({ prefix, local, namespace, value });
    }
    return attributes;
  }

  #content(namespaces: ReadonlyMap<string, string>, depth: number): (XmlElement | string)[] {
    const children: (XmlElement | string)[] = [];
    for (;;) {
      const end = this.#text.indexOf('<', this.#at);
      if (end < 0) this.#malformed('an element does not end');
      if (end > this.#at) {
        const text = this.#text.slice(this.#at, end);
        if (text.includes(']]>')) this.#malformed('"]]>" in text');
        children.push(this.#unescaped(text));
      }
      this.#at = end;
      if (this.#text.startsWith('</', end)) return children;
      children.push(this.#element(namespaces, depth + 1));
    }
  }

  #unescaped(text: string): string {
    if (!text.includes('&')) return text;
    return text.replaceAll(/&([^;&]*)(;?)/g, (whole, name: string, end: string) => {
      const character = end && Object.hasOwn(entities, name) ? entities[name] : undefined;
      return character ?? refuse('RIM_XML_ENTITY', `the reference ${whole.slice(0, 40)}`);
    });
  }

  #requireNoMarkup(): void {
    const next = this.#text.slice(this.#at, this.#at + 9);
    if (next === '<!DOCTYPE') refuse('RIM_XML_DOCTYPE', 'a DOCTYPE');
    if (next.startsWith('<!') || next.startsWith('<?'))
      refuse('RIM_XML_COMMENT', 'a comment, CDATA section or processing instruction');
  }

  #qualifiedName(): { prefix: string; local: string } {
    const first = this.#name();
    if (!this.#text.startsWith(':', this.#at)) return { prefix: '', local: first };
    this.#at += 1;
    return { prefix: first, local: this.#name() };
  }

  #name(): string {
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#text)?.[0];
    if (name === undefined) return this.#malformed('expected a name');
    this.#at += name.length;
    return name;
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.#text)?.[0].length ?? 0;
  }

  #expect(text: string): void {
    if (!this.#text.startsWith(text, this.#at)) this.#malformed(`expected ${text}`);
    this.#at += text.length;
  }

  #unbound(prefix: string): never {
    return this.#malformed(`the prefix ${prefix} is not declared`);
  }

  #malformed(reason: string): never {
    return refuse('RIM_XML_MALFORMED', `at character ${this.#at}: ${reason}`);
  }
}

function refuse(code: NvidiaErrorCode, reason: string): never {
  throw nvidiaError(code, `RIM: ${reason}.`);
}
