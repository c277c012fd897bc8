/** Patterns of git refs: anchored at both ends, `*` for any characters within one segment, everything else for itself. */

/** @param pattern as a policy's `ref`: "refs/tags/v1.*" */
export function matchesRef(pattern: string, ref: string): boolean {
  const patterns = pattern.split('/');
  const segments = ref.split('/');
  return (
    patterns.length === segments.length && patterns.every((one, at) => matchesSegment(one, segments[at]!))
  );
}

/** The last star takes one more character whenever what follows it does not fit: linear in memory, no backtracking beyond it. */
function matchesSegment(pattern: string, segment: string): boolean {
  let at = 0;
  let star = -1;
  let taken = 0;
  let here = 0;
  while (here < segment.length) {
    if (pattern[at] === '*') {
      star = at++;
      taken = here;
    } else if (at < pattern.length && pattern[at] === segment[here]) {
      at++;
      here++;
    } else if (star >= 0) {
      at = star + 1;
      here = ++taken;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
