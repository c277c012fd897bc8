/**
 * From a root that is known to a file of the repository as it is now: the client's workflow (TUF specification 1.0,
 * section 5). Nothing is kept between two runs, so that how far back a repository can be turned is bounded by the expiry
 * of its timestamp.
 */
import { sha256, toHex } from '@vitrine/bytes';
import { tufError } from './error.ts';
import { type TufRole, requireThreshold } from './keys.ts';
import {
  type NamedMetadata,
  type TufMetadata,
  type TufRoot,
  parseTufNaming,
  parseTufRoot,
  parseTufTargets,
} from './metadata.ts';

export interface TufInput {
  /** The anchor: whose keys are believed without being asked. */
  readonly root: TufRoot;
  readonly now: Date;
  /** A file of the repository by its path; undefined where it has none. What it throws is thrown on. */
  readonly get: (path: string) => Promise<Uint8Array | undefined>;
}

export interface TufFile {
  readonly bytes: Uint8Array;
  /** Versions that were in force. */
  readonly versions: {
    readonly root: number;
    readonly timestamp: number;
    readonly snapshot: number;
    readonly targets: number;
  };
  /** The first moment at which some of it expires. */
  readonly expires: Date;
}

const MAX_ROOTS = 64;

/**
 * @param target name in the top-level targets: "trusted_root.json"
 * @throws ProvenanceError with a TufErrorCode
 */
export async function fetchTufTarget(target: string, { root: anchor, now, get }: TufInput): Promise<TufFile> {
  const root = await newestRoot(anchor, get);
  requireInDate('root', root, now);

  const timestamp = parseTufNaming(required('timestamp.json', await get('timestamp.json')), 'timestamp');
  await requireGood('timestamp', timestamp, root.timestamp, now);

  const snapshot = parseTufNaming(await named('snapshot', timestamp.named, get), 'snapshot');
  requireVersion('snapshot', snapshot, timestamp.named.version);
  await requireGood('snapshot', snapshot, root.snapshot, now);

  const targets = parseTufTargets(await named('targets', snapshot.named, get));
  requireVersion('targets', targets, snapshot.named.version);
  await requireGood('targets', targets, root.targets, now);

  const entry = targets.targets.get(target);
  if (!entry) throw tufError('TUF_TARGET_UNKNOWN', `The targets do not name ${target}.`);
  const path = targetPath(target, entry.sha256);
  const bytes = required(path, await get(path));
  await requireFile(path, bytes, entry);
  const roles = [root, timestamp, snapshot, targets];
  return {
    bytes,
    versions: {
      root: root.version,
      timestamp: timestamp.version,
      snapshot: snapshot.version,
      targets: targets.version,
    },
    expires: new Date(Math.min(...roles.map(({ expires }) => expires.getTime()))),
  };
}

/** Each by the keys of the one before and by its own, one version after the other (section 5.3). */
async function newestRoot(anchor: TufRoot, get: TufInput['get']): Promise<TufRoot> {
  let root = anchor;
  for (let count = 0; ; count++) {
    const path = `${root.version + 1}.root.json`;
    const bytes = await get(path);
    if (!bytes) return root;
    if (count === MAX_ROOTS)
      throw tufError('TUF_MALFORMED', `The repository has more than ${MAX_ROOTS} new roots.`);
    const next = parseTufRoot(bytes);
    requireVersion(path, next, root.version + 1);
    await requireThreshold(path, next.tbs, next.signatures, root.root);
    await requireThreshold(path, next.tbs, next.signatures, next.root);
    root = next;
  }
}

async function named(
  role: string,
  { version, ...file }: NamedMetadata,
  get: TufInput['get'],
): Promise<Uint8Array> {
  const path = `${version}.${role}.json`;
  const bytes = required(path, await get(path));
  await requireFile(path, bytes, file);
  return bytes;
}

async function requireFile(
  path: string,
  bytes: Uint8Array,
  { lengthBytes, sha256: expected }: Pick<NamedMetadata, 'lengthBytes' | 'sha256'>,
): Promise<void> {
  if (lengthBytes !== undefined && bytes.length !== lengthBytes)
    throw tufError('TUF_FILE_MISMATCH', `${path}: expected ${lengthBytes} bytes, found ${bytes.length}.`);
  const found = expected === undefined ? undefined : toHex(await sha256(bytes));
  if (found !== expected)
    throw tufError('TUF_FILE_MISMATCH', `${path}: expected the SHA-256 ${expected}, found ${found}.`);
}

async function requireGood(what: string, role: TufMetadata, signers: TufRole, now: Date): Promise<void> {
  await requireThreshold(what, role.tbs, role.signatures, signers);
  requireInDate(what, role, now);
}

function requireVersion(what: string, { version }: TufMetadata, expected: number): void {
  if (version !== expected)
    throw tufError('TUF_VERSION_MISMATCH', `${what}: expected version ${expected}, found ${version}.`);
}

function requireInDate(what: string, { expires }: TufMetadata, now: Date): void {
  if (now >= expires) throw tufError('TUF_EXPIRED', `${what}: it was good until ${expires.toISOString()}.`);
}

function required(path: string, bytes: Uint8Array | undefined): Uint8Array {
  if (!bytes) throw tufError('TUF_FILE_MISSING', `The repository has no ${path}.`);
  return bytes;
}

/** Consistent snapshots have the digest before the file's own name (section 6.2). */
function targetPath(name: string, digest: string): string {
  const cut = name.lastIndexOf('/') + 1;
  return `targets/${name.slice(0, cut)}${digest}.${name.slice(cut)}`;
}
