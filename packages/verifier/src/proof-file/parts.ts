/** Boot parts that stand beside a proof file, since a kernel and its initrd may have several hundred MiB (docs/proof-file.md §5). */
import { type JsonNode, sha256, toHex } from '@vitrine/bytes';
import { VerifierError } from '../error.ts';
import type { Proof } from '../proof.ts';
import type { Answer } from '../source.ts';
import { resourceRules } from '../sources/kinds.ts';

/** @param digest 64 lower-case digits @returns undefined where there is no such part */
export type PartReader = (digest: string) => Promise<Uint8Array | undefined>;

/** So many bytes of boot parts stand in the file itself. */
const MAX_BYTES_WITHIN = 32 * 1024 * 1024;
const MAX_PARTS_BESIDE = 16;
const URL_FORM = /^sha256:([0-9a-f]{64})$/;

/** @returns by SHA-256, what stands beside the file: all boot parts, or none where they are small */
export function partsBeside({ answers }: Pick<Proof, 'answers'>): ReadonlyMap<string, Uint8Array> {
  const parts = new Map<string, Uint8Array>();
  let sizeBytes = 0;
  for (const { request, answer } of answers) {
    const [, digest] = URL_FORM.exec(request.url) ?? [];
    if (request.kind !== 'boot-part' || digest === undefined || !answer.ok || answer.bytes.length === 0)
      continue;
    parts.set(digest, answer.bytes);
    sizeBytes += answer.bytes.length;
  }
  return sizeBytes > MAX_BYTES_WITHIN ? parts : new Map();
}

/** Missing until it is found. @throws VerifierError PROOF_MALFORMED */
export function readBeside(item: JsonNode): Answer {
  item.onlyNames('kind', 'url', 'besideBytes');
  item.get('kind').word('boot-part');
  item.get('besideBytes').integer(1, resourceRules['boot-part'].maximumBytes);
  const url = item.get('url').string();
  if (!URL_FORM.test(url)) throw malformed(`${item.path}.url is not the SHA-256 of a part beside the file`);
  return { ok: false, code: 'OFFLINE', message: `It stands beside the proof, and is not there: ${url}.` };
}

/** The proof with what stands beside it; a part that is not there stays missing. @throws VerifierError PROOF_MALFORMED */
export async function withParts(
  proof: Proof,
  items: JsonNode,
  readPart: PartReader | undefined,
): Promise<Proof> {
  const sizes = items.items(proof.answers.length).map((item) => item.optional('besideBytes')?.integer(1));
  if (sizes.filter((size) => size !== undefined).length > MAX_PARTS_BESIDE)
    throw malformed(`more than ${MAX_PARTS_BESIDE} parts beside the file`);
  if (!readPart) return proof;
  const answers = [];
  for (const [at, recorded] of proof.answers.entries()) {
    const sizeBytes = sizes[at];
    const bytes = sizeBytes === undefined ? undefined : await part(recorded.request.url, sizeBytes, readPart);
    answers.push(bytes ? { ...recorded, answer: { ok: true as const, bytes } } : recorded);
  }
  return { ...proof, answers };
}

async function part(url: string, sizeBytes: number, readPart: PartReader): Promise<Uint8Array | undefined> {
  const digest = url.slice('sha256:'.length);
  const bytes = await readPart(digest);
  if (bytes && (bytes.length !== sizeBytes || toHex(await sha256(bytes)) !== digest))
    throw malformed(`the part ${digest} beside it is not what its SHA-256 and its length say`);
  return bytes;
}

function malformed(why: string): VerifierError {
  return new VerifierError('PROOF_MALFORMED', `proof: ${why}.`);
}
