/** YAML as a policy may use it: maps, lists and one-line scalars, each with its place; nothing that points, merges or types. */
import { BytesError, decodeUtf8 } from '@vitrine/bytes';
import { Composer, Lexer, LineCounter, Parser, isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Document, ParsedNode } from 'yaml';
import { type Place, PolicyFileError, quoted } from './error.ts';

export type YamlNode = YamlMap | YamlList | YamlScalar;

export interface YamlMap {
  readonly kind: 'map';
  readonly place: Place;
  /** In the file's order. */
  readonly entries: ReadonlyMap<string, YamlEntry>;
}

export interface YamlEntry {
  /** Of the key. */
  readonly place: Place;
  readonly value: YamlNode;
}

export interface YamlList {
  readonly kind: 'list';
  readonly place: Place;
  readonly items: readonly YamlNode[];
}

export interface YamlScalar {
  readonly kind: 'scalar';
  readonly place: Place;
  /** As written, without its quotes. Nothing is a number or a boolean yet. */
  readonly text: string;
  readonly isQuoted: boolean;
}

export const maximumFileBytes = 1024 * 1024;
export const maximumNesting = 32;
/** Of the lexer. A policy of a thousand pins has about ten thousand. */
const maximumTokens = 100_000;

const start: Place = { line: 1, column: 1, path: '' };

/** @throws PolicyFileError */
export function parseYamlTree(bytes: Uint8Array): YamlNode {
  const text = textOf(bytes);
  const lines = new LineCounter();
  const document = onlyDocument(text, lines);
  return new TreeBuilder(lines).node(document.contents, '', document.range[0]);
}

function textOf(bytes: Uint8Array): string {
  if (bytes.length > maximumFileBytes)
    throw new PolicyFileError({
      place: start,
      expected: `at most ${maximumFileBytes} bytes`,
      found: `${bytes.length}`,
      advice: 'Is this the policy file?',
    });
  const text = decoded(bytes);
  // Control characters, which YAML forbids, and those that turn the direction of writing: a reviewer must see what is read.
  const hidden = hiddenCharacters.exec(text);
  if (hidden) {
    const before = text.slice(0, hidden.index).split(/\r\n|\n|\r/);
    throw new PolicyFileError({
      place: { line: before.length, column: before.at(-1)!.length + 1, path: '' },
      expected: 'text without control characters',
      found: `U+${hidden[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`,
      advice: 'Remove it.',
    });
  }
  return text;
}

const hiddenCharacters = /(?![\t\n\r])\p{Cc}|[\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

function decoded(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes, 'Policy');
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    throw new PolicyFileError(
      {
        place: start,
        expected: 'UTF-8',
        found: 'bytes that are not',
        advice: 'Save the file as UTF-8.',
      },
      { cause },
    );
  }
}

/** Tokens are counted and nesting is measured before anything recursive sees them. */
function onlyDocument(text: string, lines: LineCounter): Document.Parsed {
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  // Failsafe: every scalar stays the text that it is. Duplicates are for the tree, which finds them in linear time.
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, prettyErrors: false });
  const documents: Document.Parsed[] = [];
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++tokens > maximumTokens) throw tooMuch(parser, lines, `at most ${maximumTokens} words and signs`);
    for (const token of parser.next(lexeme)) {
      if (token.type === 'directive') throw directive(lines, token.offset);
      documents.push(...composer.next(token));
    }
    // The document and a scalar under construction are on the parser's stack too.
    if (parser.stack.length > maximumNesting + 2)
      throw tooMuch(parser, lines, `at most ${maximumNesting} levels of nesting`);
    refuseSecond(documents, lines);
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end(true, text.length));
  refuseSecond(documents, lines);
  const document = documents[0]!;
  refuseSyntaxErrors(document, lines);
  return document;
}

function tooMuch({ offset }: Parser, lines: LineCounter, expected: string): PolicyFileError {
  return new PolicyFileError({
    place: placeAt(lines, offset, ''),
    expected,
    found: 'more',
    advice: 'Is this the policy file?',
  });
}

function directive(lines: LineCounter, offset: number): PolicyFileError {
  return new PolicyFileError({
    place: placeAt(lines, offset, ''),
    expected: 'no directives',
    found: 'a line that begins with %',
    advice: 'Remove it.',
  });
}

function refuseSecond(documents: readonly Document.Parsed[], lines: LineCounter): void {
  if (documents.length < 2) return;
  throw new PolicyFileError({
    place: placeAt(lines, documents[1]!.range[0], ''),
    expected: 'one document',
    found: 'a second one',
    advice: 'Keep each policy in a file of its own, and remove the line "---" between them.',
  });
}

function refuseSyntaxErrors({ errors }: Document.Parsed, lines: LineCounter): void {
  const [error] = errors;
  if (error)
    throw new PolicyFileError(
      {
        place: placeAt(lines, error.pos[0], ''),
        expected: 'YAML',
        found: `a mistake in its syntax (${error.message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 120)})`,
        advice:
          error.code === 'BAD_ALIAS'
            ? 'Quote a value that begins with *.'
            : 'Keys of one map stand one below the other, two spaces further in than their own key.',
      },
      { cause: error },
    );
}

/** The library's nodes to ours. Nesting is bounded by now. */
class TreeBuilder {
  readonly #lines: LineCounter;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  node(node: ParsedNode | null, path: string, offset: number): YamlNode {
    const place = placeAt(this.#lines, node?.range[0] ?? offset, path);
    if (node === null || isEmpty(node)) throw emptyValue(place);
    refusePointersAndTags(node, place);
    if (isMap(node)) return this.#map(node.items, place);
    if (isSeq(node)) {
      const items = node.items as (ParsedNode | null)[];
      return {
        kind: 'list',
        place,
        items: items.map((item, at) => this.node(item, `${path}[${at}]`, node.range[0])),
      };
    }
    return scalarOf(node, place);
  }

  #map(pairs: readonly { readonly key: unknown; readonly value: unknown }[], place: Place): YamlMap {
    const entries = new Map<string, YamlEntry>();
    for (const { key, value } of pairs) {
      const { keyText, keyPlace } = this.#key(key as ParsedNode, place);
      const first = entries.get(keyText);
      if (first)
        throw new PolicyFileError({
          place: keyPlace,
          expected: `the key ${quoted(keyText)} once`,
          found: `it a second time, first in line ${first.place.line}`,
          advice: 'Remove one of them.',
        });
      const offset = (key as ParsedNode).range[0];
      entries.set(keyText, {
        place: keyPlace,
        value: this.node(value as ParsedNode | null, keyPlace.path, offset),
      });
    }
    return { kind: 'map', place, entries };
  }

  #key(key: ParsedNode, { path }: Place): { keyText: string; keyPlace: Place } {
    const bare = placeAt(this.#lines, key.range[0], path);
    refusePointersAndTags(key, bare);
    const { text, isQuoted } = scalarOf(key, bare);
    if (text === '<<' && !isQuoted)
      throw new PolicyFileError({
        place: bare,
        expected: 'keys',
        found: 'a merge key "<<"',
        advice: 'Write the keys out: a policy says in one place what it means.',
      });
    const step = /^[A-Za-z0-9_-]{1,60}$/.test(text) ? text : quoted(text);
    return { keyText: text, keyPlace: { ...bare, path: path === '' ? step : `${path}.${step}` } };
  }
}

/** `key:` with nothing behind it. A person may mean "none" or "any": neither is guessed. */
function isEmpty(node: ParsedNode): boolean {
  return isScalar(node) && node.source === '' && node.type === 'PLAIN' && !node.anchor && !node.tag;
}

function emptyValue(place: Place): PolicyFileError {
  return new PolicyFileError({
    place,
    expected: 'a value',
    found: 'nothing',
    advice:
      place.path === ''
        ? 'The first line of a policy is: version: 1'
        : 'Write one, or remove the key to get its default.',
  });
}

function refusePointersAndTags(node: ParsedNode, place: Place): void {
  const found = isAlias(node)
    ? 'an alias (*)'
    : node.anchor !== undefined
      ? 'an anchor (&)'
      : node.tag !== undefined
        ? 'a tag (!)'
        : undefined;
  if (found === undefined) return;
  throw new PolicyFileError({
    place,
    expected: 'plain YAML',
    found,
    advice: 'Write the value out; quote it if it begins with * & or !.',
  });
}

function scalarOf(node: ParsedNode, place: Place): YamlScalar {
  if (!isScalar(node) || typeof node.value !== 'string')
    throw new PolicyFileError({
      place,
      expected: 'a word as key',
      found: 'a map or a list',
      advice: 'Keys are plain words.',
    });
  if (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED')
    throw new PolicyFileError({
      place,
      expected: 'a value in one line',
      found: 'a block of text (| or >)',
      advice: 'Write the value behind its key.',
    });
  return { kind: 'scalar', place, text: node.value, isQuoted: node.type !== 'PLAIN' };
}

function placeAt(lines: LineCounter, offset: number, path: string): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1), path };
}
