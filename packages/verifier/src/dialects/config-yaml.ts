/** YAML as a measured configuration may use it: one document, nothing that points, merges or types, every key once. */
import { decodeUtf8 } from '@vitrine/bytes';
import { Composer, Lexer, LineCounter, Parser, isMap, isScalar, isSeq } from 'yaml';
import type { Document, ParsedNode } from 'yaml';
import { malformed, quoted } from './reading.ts';

export const maximumConfigBytes = 1024 * 1024;
const MAX_NODES = 16_384;
const MAX_NESTING = 64;
/** Of the lexer; a node has some eight. */
const MAX_TOKENS = 8 * MAX_NODES;

export type ConfigNode =
  | { readonly kind: 'map'; readonly path: string; readonly entries: ReadonlyMap<string, ConfigNode> }
  | { readonly kind: 'list'; readonly path: string; readonly items: readonly ConfigNode[] }
  | { readonly kind: 'scalar'; readonly path: string; readonly text: string; readonly isQuoted: boolean }
  | { readonly kind: 'empty'; readonly path: string };

/** @throws VerifierError DOCUMENT_MALFORMED, BytesError UTF8_INVALID */
export function parseConfigYaml(bytes: Uint8Array, what: string): ConfigNode {
  if (bytes.length > maximumConfigBytes)
    throw malformed(what, `at most ${maximumConfigBytes} bytes`, `${bytes.length}`);
  const { contents } = onlyDocument(visibleText(bytes, what), what);
  return new Tree(what).node(contents, what);
}

/**
 * Signs that end a line for a reader of YAML 1.1 and not for one of 1.2 (the guest has the one, this is the other), and
 * control characters, which both forbid.
 */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const ambiguous = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\ufeff]|\r(?!\n)/;

function visibleText(bytes: Uint8Array, what: string): string {
  const text = decodeUtf8(bytes, what);
  const found = ambiguous.exec(text)?.[0].codePointAt(0);
  if (found !== undefined)
    throw malformed(
      what,
      'lines that every reader sees in the same way',
      `U+${found.toString(16).toUpperCase().padStart(4, '0')}`,
    );
  return text;
}

/** Tokens are counted and nesting is measured before anything recursive sees them. */
function onlyDocument(text: string, what: string): Document.Parsed {
  const lines = new LineCounter();
  const parser = new Parser(lines.addNewLine);
  // Failsafe: every scalar stays the text that it is. Duplicates are for the tree, which finds them in linear time.
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, prettyErrors: false });
  const documents: Document.Parsed[] = [];
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++tokens > MAX_TOKENS) throw malformed(what, `at most ${MAX_TOKENS} words and signs`, 'more');
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
    // The document and a scalar under construction are on the parser's stack too.
    if (parser.stack.length > MAX_NESTING + 2)
      throw malformed(what, `at most ${MAX_NESTING} levels of nesting`, 'more');
    if (documents.length > 1) break;
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end(true, text.length));
  if (documents.length > 1) throw malformed(what, 'one YAML document', 'a second one');
  const document = documents[0]!;
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw malformed(what, 'YAML', `a mistake: ${quoted(problem.message)}`);
  if (document.directives.yaml.explicit === true || Object.keys(document.directives.tags).length > 1)
    throw malformed(what, 'no directives', 'a line that begins with %');
  return document;
}

/** The library's nodes to ours. Nesting is bounded by now. */
class Tree {
  readonly #what: string;
  #nodes = 0;

  constructor(what: string) {
    this.#what = what;
  }

  node(node: ParsedNode | null, path: string): ConfigNode {
    if (++this.#nodes > MAX_NODES) throw malformed(this.#what, `at most ${MAX_NODES} values`, 'more');
    if (node === null) return { kind: 'empty', path };
    refusePointersAndTags(node, path);
    if (isMap(node)) return { kind: 'map', path, entries: this.#entries(node.items, path) };
    if (isSeq(node)) {
      const items = node.items as (ParsedNode | null)[];
      return {
        kind: 'list',
        path,
        items: items.map((item, at) => this.node(item, `${path}[${at}]`)),
      };
    }
    return scalarOf(node, path);
  }

  #entries(
    pairs: readonly { readonly key: unknown; readonly value: unknown }[],
    path: string,
  ): Map<string, ConfigNode> {
    const entries = new Map<string, ConfigNode>();
    for (const { key, value } of pairs) {
      const name = keyOf(key as ParsedNode | null, path);
      if (entries.has(name)) throw malformed(path, `the key ${quoted(name)} once`, 'it twice');
      entries.set(name, this.node(value as ParsedNode | null, `${path}.${name.slice(0, 60)}`));
    }
    return entries;
  }
}

function keyOf(key: ParsedNode | null, path: string): string {
  if (key === null) throw malformed(path, 'keys that are words', 'an empty one');
  refusePointersAndTags(key, path);
  const scalar = isScalar(key) ? scalarOf(key, path) : undefined;
  if (scalar?.kind !== 'scalar') throw malformed(path, 'keys that are words', 'a map, a list or nothing');
  if (scalar.text === '<<') throw malformed(path, 'keys', 'a merge key "<<"');
  return scalar.text;
}

function refusePointersAndTags(node: ParsedNode, path: string): void {
  // An alias is a node of its own kind, without an anchor or a tag.
  const isPointer = !isMap(node) && !isSeq(node) && !isScalar(node);
  if (isPointer || node.anchor !== undefined) throw malformed(path, 'plain YAML', 'an anchor or an alias');
  if (node.tag !== undefined) throw malformed(path, 'plain YAML', 'a tag');
}

function scalarOf(node: ParsedNode, path: string): ConfigNode {
  if (!isScalar(node) || typeof node.value !== 'string') throw malformed(path, 'plain YAML', 'another value');
  const isQuoted = node.type !== 'PLAIN';
  if (!isQuoted && (node.value === '' || /^(~|null|Null|NULL)$/.test(node.value)))
    return { kind: 'empty', path };
  return { kind: 'scalar', path, text: node.value, isQuoted };
}
