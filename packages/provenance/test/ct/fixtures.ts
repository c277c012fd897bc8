/** Real certificates, timestamps and lists, for tests in Node. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePem } from '@vitrine/bytes';
import { type Certificate, type VerificationKey, parseCertificate } from '@vitrine/x509';
import { verificationKey } from './keys.ts';

export const fixturesFolder =
  process.env['VITRINE_FIXTURES'] ?? new URL('../../../../../shared/fixtures/', import.meta.url).pathname;
/** For `skip`: a message where the folder is absent. */
export const withoutFixtures = existsSync(join(fixturesFolder, 'SHA256SUMS'))
  ? false
  : `no fixtures at ${fixturesFolder}`;

export function fixture(path: string): Uint8Array {
  return new Uint8Array(readFileSync(join(fixturesFolder, path)));
}

export function fixtureText(path: string): string {
  return readFileSync(join(fixturesFolder, path), 'utf8');
}

/** The first certificate of a PEM file. Blocks may follow each other without a line break. */
export function fixtureCertificate(path: string): Certificate {
  const pem = fixtureText(path).replaceAll('----------BEGIN', '-----\n-----BEGIN');
  return parseCertificate(parsePem(pem, path)[0]!.bytes, path);
}

export function fixtureKey(path: string): VerificationKey {
  return verificationKey(parsePem(fixtureText(path), path)[0]!.bytes);
}
