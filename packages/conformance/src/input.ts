/** Members that several stages read. */
import type { JsonNode } from '@vitrine/bytes';
import { type Certificate, X509Error, parsePemCertificates } from '@vitrine/x509';
import { MalformedInput } from './stage.ts';

/** Certificates in PEM. @throws MalformedInput */
export function readPem(input: JsonNode, name: string): Certificate[] | undefined {
  const pem = input.optional(name)?.string();
  if (pem === undefined) return undefined;
  try {
    return parsePemCertificates(pem, name);
  } catch (cause) {
    if (cause instanceof X509Error) throw new MalformedInput(cause.message, { cause });
    throw cause;
  }
}

/** Unix seconds. */
export function readTime(input: JsonNode, name: string): Date | undefined {
  const seconds = input.optional(name)?.integer(0, 253_402_300_799);
  return seconds === undefined ? undefined : new Date(seconds * 1000);
}
