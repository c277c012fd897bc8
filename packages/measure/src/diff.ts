/** Which input of two measurements differs, down to the word of the command line. */
import type { MeasuredFile, MeasurementManifest } from './manifest.ts';

/** Words are counted from 1: in the first command line, or the second where a word was added. */
export type Difference =
  | { readonly kind: 'input' | 'register'; readonly name: string; readonly a: string; readonly b: string }
  | {
      readonly kind: 'word-changed';
      readonly name: 'cmdline';
      readonly position: number;
      readonly a: string;
      readonly b: string;
    }
  | {
      readonly kind: 'word-added' | 'word-removed';
      readonly name: 'cmdline';
      readonly position: number;
      readonly word: string;
    }
  /** The words are the same, the spaces between them are not. */
  | { readonly kind: 'spacing'; readonly name: 'cmdline'; readonly a: string; readonly b: string };

const registers = ['launchDigest', 'mrtd', 'rtmr0', 'rtmr1', 'rtmr2'];
const ABSENT = 'absent';
/** Beyond so many pairs of words, the middle of two command lines is compared word by word, not aligned. */
const MAX_ALIGNED_PAIRS = 4_000_000;

/** Inputs first, then what follows from them; nothing for manifests that say the same. */
export function diffMeasurements(a: MeasurementManifest, b: MeasurementManifest): readonly Difference[] {
  const [left, right] = [membersOf(a), membersOf(b)];
  const names = [...new Set([...left.keys(), ...right.keys()])].filter(
    (name) => left.get(name) !== right.get(name),
  );
  const inputs = names.filter((name) => !registers.includes(name));
  const results = names.filter((name) => registers.includes(name));
  return [...inputs, ...results].flatMap((name): readonly Difference[] => {
    const [one, other] = [left.get(name), right.get(name)];
    if (name === 'cmdline' && one !== undefined && other !== undefined) return diffCmdlines(one, other);
    const kind = registers.includes(name) ? 'register' : 'input';
    return [{ kind, name, a: one ?? ABSENT, b: other ?? ABSENT }];
  });
}

type Member = string | number | MeasuredFile | readonly MeasuredFile[] | undefined;

/** Members as text: files by size and hash, those of a list by their place, from 0. */
function membersOf(manifest: MeasurementManifest): Map<string, string> {
  const members = new Map<string, string>();
  const add = (name: string, value: Member): void => {
    if (value === undefined) return;
    if (isList(value)) for (const [at, file] of value.entries()) add(`${name}[${at}]`, file);
    else
      members.set(
        name,
        typeof value === 'object' ? `${value.sizeBytes} bytes, SHA-256 ${value.sha256}` : String(value),
      );
  };
  for (const [name, value] of Object.entries(manifest) as [string, Member][]) add(name, value);
  return members;
}

function isList(value: Member): value is readonly MeasuredFile[] {
  return Array.isArray(value);
}

/** @returns at least one difference where the texts differ, none where they are equal */
export function diffCmdlines(a: string, b: string): readonly Difference[] {
  if (a === b) return [];
  const differences = diffWords(wordsOf(a), wordsOf(b));
  return differences.length > 0 ? differences : [{ kind: 'spacing', name: 'cmdline', a, b }];
}

/** As the kernel splits it: at white space, but not between double quotes. */
function wordsOf(cmdline: string): readonly string[] {
  return cmdline.match(/(?:"[^"]*(?:"|$)|[^\s"])+/g) ?? [];
}

function diffWords(a: readonly string[], b: readonly string[]): readonly Difference[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const differences: Difference[] = [];
  const kept = alignedPairs(a.slice(start, a.length - end), b.slice(start, b.length - end));
  let [left, right] = [start, start];
  for (const [i, j] of [...kept.map(([i, j]) => [i + start, j + start]), [a.length - end, b.length - end]]) {
    differences.push(...diffGap(a.slice(left, i), b.slice(right, j), left, right));
    [left, right] = [i! + 1, j! + 1];
  }
  return differences;
}

/** Between two words that stayed: words of the same name changed, others came or went, in the order of each. */
function diffGap(
  removed: readonly string[],
  added: readonly string[],
  aFrom: number,
  bFrom: number,
): readonly Difference[] {
  const partners = new Map<number, number>();
  for (const [at, word] of removed.entries()) {
    const partner = added.findIndex(
      (other, index) => nameOf(other) === nameOf(word) && ![...partners.values()].includes(index),
    );
    if (partner >= 0) partners.set(at, partner);
  }
  // One word for one word is a change, whatever the words are called.
  if (removed.length === 1 && added.length === 1) partners.set(0, 0);
  const paired = new Set(partners.values());
  const name = 'cmdline';
  return [
    ...removed.map((word, at): Difference => {
      const partner = partners.get(at);
      const position = aFrom + at + 1;
      if (partner === undefined) return { kind: 'word-removed', name, position, word };
      return { kind: 'word-changed', name, position, a: word, b: added[partner]! };
    }),
    ...added.flatMap((word, at): Difference[] =>
      paired.has(at) ? [] : [{ kind: 'word-added', name, position: bFrom + at + 1, word }],
    ),
  ];
}

/** "loglevel" of "loglevel=7". */
function nameOf(word: string): string {
  return word.split('=', 1)[0]!;
}

/** Indexes of a longest common subsequence. */
function alignedPairs(a: readonly string[], b: readonly string[]): readonly (readonly [number, number])[] {
  if (a.length * b.length > MAX_ALIGNED_PAIRS) return [];
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        a[i] === b[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
    else j++;
  }
  return pairs;
}
