/** Words of a line as a POSIX shell splits it (Shell Command Language, section 2.2): quotes, escapes, nothing else. */

/** @returns undefined where a quote or an escape is not closed */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const sign = line[at]!;
    if (/[ \t\r\n]/.test(sign)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (sign === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return undefined;
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else if (sign === '"') {
      const quoted = untilQuote(line, at + 1);
      if (!quoted) return undefined;
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (sign === '\\') {
      if (++at >= line.length) return undefined;
      word = (word ?? '') + line[at]!;
    } else word = (word ?? '') + sign;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Within double quotes a backslash is one, unless a quote or another follows it. */
function untilQuote(line: string, from: number): { text: string; end: number } | undefined {
  let text = '';
  for (let at = from; at < line.length; at++) {
    const sign = line[at]!;
    if (sign === '"') return { text, end: at };
    const isEscape = sign === '\\' && (line[at + 1] === '"' || line[at + 1] === '\\');
    text += isEscape ? line[++at]! : sign;
  }
  return undefined;
}
