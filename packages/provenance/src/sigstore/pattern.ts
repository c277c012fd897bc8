/** Patterns of policies: words in which `*` stands for any characters but "/". Always the whole text, never a part. */

/** Whether the whole text is of the pattern. */
export function matchesPattern(pattern: string, text: string): boolean {
  let at = 0;
  let next = 0;
  // Where the last star was, and how much of the text it has taken: it takes more when the rest does not fit.
  let star = -1;
  let taken = 0;
  while (at < text.length) {
    if (pattern[next] === '*') {
      star = next++;
      taken = at;
    } else if (next < pattern.length && pattern[next] === text[at]) {
      next++;
      at++;
    } else if (star >= 0 && text[taken] !== '/') {
      next = star + 1;
      at = ++taken;
    } else return false;
  }
  while (pattern[next] === '*') next++;
  return next === pattern.length;
}
