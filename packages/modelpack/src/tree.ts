/** Trees of sources. */
import type { DirectoryEntry, DirectoryNode } from '@vitrine/erofs';

/** Without the folders that hold nothing (any more, after a selection). */
export function withoutEmptyFolders<S>(root: DirectoryNode<S>): DirectoryNode<S> {
  const entries = root.entries.flatMap(({ name, node }): DirectoryEntry<S>[] => {
    if (node.kind !== 'directory') return [{ name, node }];
    const kept = withoutEmptyFolders(node);
    return kept.entries.length > 0 ? [{ name, node: kept }] : [];
  });
  return { ...root, entries };
}

interface GrowingFolder<S> {
  readonly files: { name: string; sizeBytes: number; source: S }[];
  readonly folders: Map<string, GrowingFolder<S>>;
}

/** A tree of plain files from their paths: files 0644, folders 0755, as a download with the usual umask leaves them. */
export function treeOfPaths<S>(
  files: readonly { readonly path: string; readonly sizeBytes: number; readonly source: S }[],
): DirectoryNode<S> {
  const root: GrowingFolder<S> = { files: [], folders: new Map() };
  for (const { path, sizeBytes, source } of files) {
    const segments = path.split('/');
    const name = segments.pop()!;
    let folder = root;
    for (const segment of segments) {
      let next = folder.folders.get(segment);
      if (!next) folder.folders.set(segment, (next = { files: [], folders: new Map() }));
      folder = next;
    }
    folder.files.push({ name, sizeBytes, source });
  }
  return freeze(root);
}

function freeze<S>(folder: GrowingFolder<S>): DirectoryNode<S> {
  const encoder = new TextEncoder();
  return {
    kind: 'directory',
    permissions: 0o755,
    entries: [
      ...folder.files.map(({ name, sizeBytes, source }): DirectoryEntry<S> => ({
        name: encoder.encode(name),
        node: { kind: 'file', permissions: 0o644, sizeBytes, source },
      })),
      ...[...folder.folders].map(([name, inner]): DirectoryEntry<S> => ({
        name: encoder.encode(name),
        node: freeze(inner),
      })),
    ],
  };
}
