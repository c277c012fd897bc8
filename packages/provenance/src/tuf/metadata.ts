/** The four roles of a repository (TUF specification 1.0, section 4): what each signs, and of which version. */
import { type JsonNode, parseJson } from '@vitrine/bytes';
import { refuseAs } from '../error.ts';
import { canonicalJson } from './canonical-json.ts';
import { tufError } from './error.ts';
import { type TufRole, type TufSignature, parseKeys, parseRole } from './keys.ts';

/** What every role has. */
export interface TufMetadata {
  readonly version: number;
  readonly expires: Date;
  /** Canonical JSON of the signed part. */
  readonly tbs: Uint8Array;
  readonly signatures: readonly TufSignature[];
}

export interface TufRoot extends TufMetadata {
  readonly root: TufRole;
  readonly timestamp: TufRole;
  readonly snapshot: TufRole;
  readonly targets: TufRole;
}

/** Metadata of a role as the role above it names it. */
export interface NamedMetadata {
  readonly version: number;
  readonly lengthBytes?: number | undefined;
  /** Hexadecimal; of the digests named, the one that is verified. */
  readonly sha256?: string | undefined;
}

export interface TufTarget {
  readonly lengthBytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

export interface TufTargets extends TufMetadata {
  readonly targets: ReadonlyMap<string, TufTarget>;
}

export interface TufNaming extends TufMetadata {
  /** Of the one file that the role is there for: snapshot.json, or targets.json. */
  readonly named: NamedMetadata;
}

/** Of any one file, metadata or target. */
export const maximumTufFileBytes = 4 * 1024 * 1024;

const MAX_SIGNATURES = 64;
const MAX_TARGETS = 4096;

/** @throws ProvenanceError TUF_MALFORMED */
export function parseTufRoot(bytes: Uint8Array | string): TufRoot {
  return parseRoleFile(bytes, 'root', (signed, metadata) => {
    if (!signed.get('consistent_snapshot').boolean())
      throw tufError('TUF_MALFORMED', 'root: a repository without consistent snapshots is not supported.');
    const keys = parseKeys(signed.get('keys'));
    const roles = signed.get('roles');
    const role = (name: string) => parseRole(roles.get(name), keys);
    return {
      ...metadata,
      root: role('root'),
      timestamp: role('timestamp'),
      snapshot: role('snapshot'),
      targets: role('targets'),
    };
  });
}

/** @throws ProvenanceError TUF_MALFORMED */
export function parseTufNaming(bytes: Uint8Array, type: 'timestamp' | 'snapshot'): TufNaming {
  return parseRoleFile(bytes, type, (signed, metadata) => {
    const named = signed.get('meta').get(type === 'timestamp' ? 'snapshot.json' : 'targets.json');
    return {
      ...metadata,
      named: {
        version: named.get('version').integer(1),
        lengthBytes: named.optional('length')?.integer(1, maximumTufFileBytes),
        sha256: readSha256(named.optional('hashes')),
      },
    };
  });
}

/** Delegations are not followed. @throws ProvenanceError TUF_MALFORMED */
export function parseTufTargets(bytes: Uint8Array): TufTargets {
  return parseRoleFile(bytes, 'targets', (signed, metadata) => {
    const list = signed.get('targets');
    const names = list.names();
    if (names.length > MAX_TARGETS)
      throw tufError('TUF_MALFORMED', `targets: more than ${MAX_TARGETS} files.`);
    return { ...metadata, targets: new Map(names.map((name) => [name, readTarget(list.get(name))])) };
  });
}

function readTarget(node: JsonNode): TufTarget {
  const sha256 = readSha256(node.get('hashes'));
  if (sha256 === undefined) throw tufError('TUF_MALFORMED', `${node.path}: it has no SHA-256.`);
  return { lengthBytes: node.get('length').integer(0), sha256 };
}

/** Digests besides SHA-256 may stand there; where there are digests, SHA-256 must be among them. */
function readSha256(hashes: JsonNode | undefined): string | undefined {
  if (!hashes) return undefined;
  const digest = hashes.get('sha256');
  digest.hex(32);
  return digest.string().toLowerCase();
}

function parseRoleFile<T>(
  bytes: Uint8Array | string,
  type: string,
  read: (signed: JsonNode, metadata: TufMetadata) => T,
): T {
  return refuseAs('TUF_MALFORMED', () => {
    const document = parseJson(bytes, type, { maxBytes: maximumTufFileBytes }).onlyNames(
      'signatures',
      'signed',
    );
    const signed = document.get('signed');
    signed.get('_type').word(type);
    if (!/^1(\.\d+){1,2}$/.test(signed.get('spec_version').string()))
      throw tufError('TUF_MALFORMED', `${type}: expected a version 1 of the specification.`);
    const signatures = document
      .get('signatures')
      .items(MAX_SIGNATURES)
      .map((node) => ({ keyId: node.get('keyid').string(), signature: node.get('sig').string() }));
    if (new Set(signatures.map(({ keyId }) => keyId)).size !== signatures.length)
      throw tufError('TUF_MALFORMED', `${type}: a key signs twice.`);
    return read(signed, {
      version: signed.get('version').integer(1),
      expires: signed.get('expires').time(),
      tbs: canonicalJson(signed.value()),
      signatures,
    });
  });
}
