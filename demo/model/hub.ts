/** One tiny public model from the Hugging Face Hub, at a commit that never changes. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const HUB_MODEL = { name: 'sshleifer/tiny-gpt2', commit: '5f91d94bd9cd7190a9f3216ff93cd1dd95f2c7be' };
const HUB = 'https://huggingface.co';
/** The network either answers within this, or the demo goes on without it. */
const ANSWER_MS = 4_000;
const DOWNLOAD_MS = 60_000;
const LIMIT_BYTES = 64 * 2 ** 20;
const LIMIT_FILES = 64;
const SAFE_PATH = /^(?!.*(?:^|\/)\.\.?(?:\/|$))[\w.-]+(?:\/[\w.-]+)*$/;

interface ListedFile {
  readonly path: string;
  readonly size: number;
  /** The git blob's SHA-1. */
  readonly oid: string;
  /** SHA-256 of a file that lies outside git. */
  readonly sha256: string | undefined;
}

/**
 * Downloads every file of the commit into the folder, each against the hash that the Hub lists for it.
 * @throws Error when the Hub does not answer in time, or answers something else than was asked for
 */
export async function downloadHubModel(folder: string, hub = HUB): Promise<void> {
  const listing = `${hub}/api/models/${HUB_MODEL.name}/tree/${HUB_MODEL.commit}?recursive=true`;
  const response = await fetchOk(listing, AbortSignal.timeout(ANSWER_MS));
  const files = listedFiles(JSON.parse((await limited(response, 2 ** 20)).toString()));
  const signal = AbortSignal.timeout(DOWNLOAD_MS);
  for (const file of files) {
    const url = `${hub}/${HUB_MODEL.name}/resolve/${HUB_MODEL.commit}/${file.path}`;
    const bytes = await limited(await fetchOk(url, signal), file.size);
    requireHash(file, bytes);
    const path = join(folder, file.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

async function fetchOk(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url} answered with status ${response.status}`);
  return response;
}

async function limited(response: Response, limitBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of response.body ?? []) {
    const bytes = part as Uint8Array;
    sizeBytes += bytes.length;
    if (sizeBytes > limitBytes) throw new Error(`${response.url} is longer than ${limitBytes} bytes`);
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

function listedFiles(answer: unknown): ListedFile[] {
  if (!Array.isArray(answer)) throw new Error("The Hub's list of files is not a list");
  const files = answer.map(listedFile).filter((file) => file !== undefined);
  const sizeBytes = files.reduce((sum, file) => sum + file.size, 0);
  if (files.length === 0 || files.length > LIMIT_FILES || sizeBytes > LIMIT_BYTES) {
    throw new Error(`The Hub lists ${files.length} files with ${sizeBytes} bytes, a tiny model was expected`);
  }
  return files;
}

function listedFile(entry: unknown): ListedFile | undefined {
  const { type, path, size, oid, lfs } = (entry ?? {}) as Record<string, unknown>;
  if (type === 'directory') return undefined;
  const outsideGit =
    lfs === undefined ? undefined : { sha256: (lfs as Record<string, unknown> | null)?.['oid'] };
  const isFile = type === 'file' && typeof path === 'string' && SAFE_PATH.test(path);
  if (isFile && typeof size === 'number' && Number.isSafeInteger(size) && typeof oid === 'string') {
    if (outsideGit === undefined) return { path, size, oid, sha256: undefined };
    if (typeof outsideGit.sha256 === 'string') return { path, size, oid, sha256: outsideGit.sha256 };
  }
  throw new Error(`The Hub lists something that is no file: ${JSON.stringify(entry).slice(0, 200)}`);
}

function requireHash(file: ListedFile, bytes: Buffer): void {
  const [expected, found] =
    file.sha256 === undefined
      ? [file.oid, createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')]
      : [file.sha256, createHash('sha256').update(bytes).digest('hex')];
  if (found !== expected) throw new Error(`${file.path} has the hash ${found}, the Hub lists ${expected}`);
}
