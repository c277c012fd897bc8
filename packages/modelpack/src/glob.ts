/** Patterns over whole paths, as the Hub's own tools take them: `*` matches any characters, slashes too, `?` any one. */

/**
 * Matches without backtracking further than the last star, so that no pattern takes long.
 * A pattern that ends in `/` stands for all below that folder.
 */
export function matchesGlob(path: string, pattern: string): boolean {
  // Code points, so that `?` is one character of any script.
  const wanted = Array.from(pattern.endsWith('/') ? `${pattern}*` : pattern);
  const found = Array.from(path);
  let at = 0;
  let next = 0;
  let star = -1;
  let resumeAt = 0;
  while (at < found.length) {
    if (wanted[next] === '*') {
      star = next++;
      resumeAt = at;
    } else if (next < wanted.length && (wanted[next] === '?' || wanted[next] === found[at])) {
      next++;
      at++;
    } else if (star !== -1) {
      next = star + 1;
      at = ++resumeAt;
    } else {
      return false;
    }
  }
  while (wanted[next] === '*') next++;
  return next === wanted.length;
}

export interface Selection {
  /** With any of these, only files that match one are taken. */
  readonly include: readonly string[];
  /** Files that match are left out, and folders that match with all that is in them. */
  readonly exclude: readonly string[];
}

/** What modelwrap deletes before it packs: the download tool's bookkeeping. */
const CACHE_FOLDER = '.cache';

/** Whether a file at this path is packed. */
export function selects(selection: Selection, path: string): boolean {
  if (path === CACHE_FOLDER || path.startsWith(`${CACHE_FOLDER}/`)) return false;
  if (selection.include.length > 0 && !selection.include.some((pattern) => matchesGlob(path, pattern)))
    return false;
  return !excludes(selection, path);
}

/** Whether the path or a folder above it is excluded. */
export function excludes(selection: Selection, path: string): boolean {
  if (path === CACHE_FOLDER) return true;
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const part = path.slice(0, end);
    if (selection.exclude.some((pattern) => matchesGlob(part, pattern))) return true;
  }
  return false;
}
