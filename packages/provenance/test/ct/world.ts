/** A small world for the tests: one web authority, logs of three operators, certificates of 90 days. */
import {
  type CtLogRequest,
  type SimulatedCtLog,
  type TlsAuthority,
  type TlsCertificateRequest,
  type TlsServerCertificate,
  createCtLog,
  createTlsAuthority,
  ctLogListJson,
  issueTlsCertificate,
} from '@vitrine/simtee/ct';
import { type AuthenticScts, type LogList, authenticateScts, parseLogList } from '@vitrine/provenance/ct';

export const issuedAt = new Date('2026-10-01T00:00:00Z');
export const endsAt = new Date('2026-12-30T00:00:00Z');
export const now = new Date('2026-11-25T12:00:00Z');
export const listedAt = new Date('2026-11-20T00:00:00Z');
/** Covers `endsAt`. */
export const interval = { start: new Date('2026-07-01T00:00:00Z'), end: new Date('2027-01-01T00:00:00Z') };

let authority: Promise<TlsAuthority> | undefined;

/** The same for every test of a file. */
export function theAuthority(): Promise<TlsAuthority> {
  authority ??= createTlsAuthority();
  return authority;
}

export function log(operator: string, request: Partial<CtLogRequest> = {}): Promise<SimulatedCtLog> {
  return createCtLog({ description: `${operator} 2026h2`, operator, temporalInterval: interval, ...request });
}

export async function issue(
  logs: readonly SimulatedCtLog[],
  request: Partial<TlsCertificateRequest> = {},
): Promise<TlsServerCertificate> {
  return issueTlsCertificate(await theAuthority(), {
    names: ['api.example.org'],
    notBefore: issuedAt,
    notAfter: endsAt,
    logs,
    ...request,
  });
}

export function listOf(logs: readonly SimulatedCtLog[], timestamp = listedAt): Promise<LogList> {
  return parseLogList(ctLogListJson(logs, { timestamp }));
}

export async function authenticated(
  { certificate }: TlsServerCertificate,
  logs: readonly SimulatedCtLog[],
  { at = now, timestamp = listedAt, delivered }: { at?: Date; timestamp?: Date; delivered?: Uint8Array } = {},
): Promise<AuthenticScts> {
  return authenticateScts({
    leaf: certificate,
    issuer: (await theAuthority()).intermediate.certificate,
    logList: await listOf(logs, timestamp),
    now: at,
    delivered,
  });
}
