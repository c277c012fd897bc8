/** What every reader of a document shares: strict values, and one error for whatever is wrong with them. */
import { BytesError, type JsonNode, type JsonLimits } from '@vitrine/bytes';
import { X509Error } from '@vitrine/x509';
import { VerifierError } from '../error.ts';

/** A document with eight GPUs and their manifests has some 4 MiB. */
export const maximumDocumentBytes = 16 * 1024 * 1024;
export const documentLimits: JsonLimits = { maxBytes: maximumDocumentBytes, maxDepth: 32 };

export const nonceBytes = 32;
export const reportDataBytes = 64;
export const snpReportBytes = 1184;
/** A quote with its certificates has some 5 KiB. */
export const maximumQuoteBytes = 64 * 1024;
export const maximumDevices = 64;

/** Runs a step; what the parsers below throw becomes DOCUMENT_MALFORMED. */
export async function readDocument<T>(what: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw malformedBy(what, cause);
  }
}

/** `readDocument` for a step that answers at once. */
export function readPart<T>(what: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    throw malformedBy(what, cause);
  }
}

function malformedBy(what: string, cause: unknown): unknown {
  if (!(cause instanceof BytesError || cause instanceof X509Error)) return cause;
  const message = cause.message.startsWith(what) ? cause.message : `${what}: ${cause.message}`;
  return new VerifierError('DOCUMENT_MALFORMED', message, { cause });
}

/** @param where the place in the document: "Tinfoil v3 document.challenge.nonce" */
export function malformed(where: string, expected: string, found: string): VerifierError {
  return new VerifierError('DOCUMENT_MALFORMED', `${where}: expected ${expected}, found ${found}.`);
}

export function unsupported(where: string, found: string): VerifierError {
  return new VerifierError(
    'EVIDENCE_UNSUPPORTED',
    `${where}: ${quoted(found)} is not read by this verifier.`,
  );
}

/** A stranger's text in a message: one line, printable, not longer than a glance. */
export function quoted(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?');
  return printable.length > 80 ? `"${printable.slice(0, 77)}..."` : `"${printable}"`;
}

/** Lower-case hexadecimal digits, as they stand there. */
export function lowerHex(node: JsonNode, lengthBytes?: number): string {
  const text = node.string();
  if (/[A-F]/.test(text)) throw malformed(node.path, 'lower-case hexadecimal digits', quoted(text));
  node.hex(lengthBytes);
  return text;
}

export function lowerHexBytes(node: JsonNode, lengthBytes?: number): Uint8Array {
  lowerHex(node, lengthBytes);
  return node.hex(lengthBytes);
}

/** Base64 of at least one byte. */
export function someBase64(node: JsonNode, maximumBytes = maximumDocumentBytes): Uint8Array {
  const bytes = node.base64();
  if (bytes.length === 0 || bytes.length > maximumBytes)
    throw malformed(node.path, `1 to ${maximumBytes} bytes`, `${bytes.length}`);
  return bytes;
}

/** Base64 of exactly so many bytes. */
export function exactBase64(node: JsonNode, lengthBytes: number): Uint8Array {
  const bytes = node.base64();
  if (bytes.length !== lengthBytes) throw malformed(node.path, `${lengthBytes} bytes`, `${bytes.length}`);
  return bytes;
}

/** "owner/name" as GitHub allows it. */
export function repositoryName(node: JsonNode): string {
  return matching(node, /^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/[A-Za-z0-9._-]{1,100}$/, 'owner/name');
}

/** A git tag that can stand in a URL without being something else. */
export function tagName(node: JsonNode): string {
  return matching(node, /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/, 'a tag');
}

export function matching(node: JsonNode, pattern: RegExp, expected: string): string {
  const text = node.string();
  if (!pattern.test(text)) throw malformed(node.path, expected, quoted(text));
  return text;
}

/** The member's value, or nothing where there is no member. */
export function maybe<T>(node: JsonNode, name: string, read: (member: JsonNode) => T): T | undefined {
  const member = node.optional(name);
  return member && read(member);
}

/** Refuses a second item of the same name. */
export function requireUnique(names: readonly string[], where: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw malformed(where, `the id ${quoted(name)} once`, 'it twice');
    seen.add(name);
  }
}
