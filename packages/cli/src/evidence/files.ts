/** Files of evidence and endorsements, read and told apart. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type EvidenceKind, identifyEvidence, unwrapped } from '@vitrine/evidence';
import { type Certificate, parseCertificate, parsePemCertificates } from '@vitrine/x509';
import { decodeUtf8 } from '@vitrine/bytes';
import { UnreadableError, UsageError } from '../exit.ts';

export interface EvidenceFile {
  readonly path: string;
  readonly kind: EvidenceKind | undefined;
  /** Behind hexadecimal or base64, if the file is written so. */
  readonly bytes: Uint8Array;
}

const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 1000;

/** @throws UnreadableError */
export function readEvidenceFile(path: string): EvidenceFile {
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes, more than evidence ever has`);
    const bytes = unwrapped(new Uint8Array(readFileSync(path)));
    return { path, kind: identifyEvidence(bytes), bytes };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnreadableError(`Reading ${path}: ${reason}.`, { cause });
  }
}

/** The files of a folder, not of folders below it; what is not known stays out. */
export function readEndorsements(folder: string): EvidenceFile[] {
  let names: string[];
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`The endorsements ${folder} cannot be read: ${reason}.`);
  }
  if (names.length > MAX_FILES)
    throw new UsageError(`${folder} holds ${names.length} files; ${MAX_FILES} are looked at.`);
  return names.map((name) => readEvidenceFile(join(folder, name))).filter(({ kind }) => kind !== undefined);
}

/** Every certificate in the files, DER or PEM. @throws X509Error */
export function certificatesIn(files: readonly EvidenceFile[]): Certificate[] {
  return files.flatMap(({ kind, bytes, path }) => {
    if (kind === 'certificate') return [parseCertificate(bytes, path)];
    return kind === 'certificates' ? parsePemCertificates(decodeUtf8(bytes, path), path) : [];
  });
}

export function bytesOfKind(files: readonly EvidenceFile[], kind: EvidenceKind): Uint8Array[] {
  return files.filter((file) => file.kind === kind).map(({ bytes }) => bytes);
}
