/** What a pack should be, from whoever knows: a root hash, an `.info` text or file, a manifest. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { PackError } from './error.ts';
import { parseInfo } from './info.ts';
import { MANIFEST_LIMIT_BYTES, type Manifest, parseManifest } from './manifest.ts';

export interface Expectation {
  /** Where it comes from, for messages. */
  readonly origin: string;
  /** 64 lower-case hex digits. */
  readonly rootHash: string;
  readonly hashOffsetBytes?: number;
  readonly uuid?: string;
  readonly manifest?: Manifest;
}

/**
 * @param text a root hash, `ROOT_OFFSET_UUID`, or the path of a file that holds one of them
 * @throws PackError INFO_INVALID
 */
export function expectationOf(text: string): Expectation {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/.test(trimmed)) return { origin: 'the given root hash', rootHash: trimmed };
  if (trimmed.includes('_') && !existsSync(text)) return { origin: 'the given info', ...parseInfo(trimmed) };
  if (!existsSync(text)) {
    throw new PackError(
      'INFO_INVALID',
      `${JSON.stringify(text.slice(0, 160))} is neither a root hash (64 lower-case hex digits), nor ROOT_OFFSET_UUID, nor a file that holds one.`,
    );
  }
  const content = readSmall(text, 4096, 'INFO_INVALID').trim();
  if (/^[0-9a-f]{64}$/.test(content)) return { origin: text, rootHash: content };
  return { origin: text, ...parseInfo(content) };
}

/** @throws PackError MANIFEST_INVALID */
export function expectationOfManifest(path: string): Expectation {
  const manifest = parseManifest(readSmall(path, MANIFEST_LIMIT_BYTES, 'MANIFEST_INVALID'));
  return {
    origin: path,
    rootHash: manifest.rootHash,
    hashOffsetBytes: manifest.imageSizeBytes,
    uuid: manifest.uuid,
    manifest,
  };
}

/** What lies beside the pack: its `.info`. Undefined when there is none. @throws PackError INFO_INVALID */
export function expectationBeside(packPath: string): Expectation | undefined {
  const path = packPath.replace(/\.mpk$/, '.info');
  if (path === packPath || !existsSync(path)) return undefined;
  return expectationOf(path);
}

function readSmall(path: string, limitBytes: number, code: 'INFO_INVALID' | 'MANIFEST_INVALID'): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new PackError(code, `${path} is not a regular file.`);
    if (stats.size > limitBytes) {
      throw new PackError(code, `${path} has ${stats.size} bytes, at most ${limitBytes} were expected.`);
    }
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof PackError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PackError(code, `Reading ${path}: ${reason}.`, { cause });
  }
}
