/** A server's certificate with everything in order, but for what the test changes, and its verdict. */
import { appraiseTlsCertificate } from '@vitrine/provenance/ct';
import {
  type TlsAuthorityRequest,
  type TlsCertificateRequest,
  createTlsAuthority,
  issueTlsCertificate,
} from '@vitrine/simtee/ct';
import type { Certificate } from '@vitrine/x509';
import { endsAt, issuedAt, now, theAuthority } from './world.ts';

interface Scene {
  readonly hostname?: string;
  readonly chain?: readonly Certificate[];
  readonly anchors?: readonly Certificate[] | null;
  readonly at?: Date;
  readonly request?: Partial<TlsCertificateRequest>;
  readonly authority?: TlsAuthorityRequest;
}

/** `failures`: "rule CODE" of what failed, "rule ?" of what was not checked. */
export async function judge({
  hostname = 'api.example.org',
  chain,
  anchors,
  at = now,
  request,
  authority,
}: Scene = {}) {
  const made = authority ? await createTlsAuthority(authority) : await theAuthority();
  const server = await issueTlsCertificate(made, {
    names: ['api.example.org'],
    notBefore: issuedAt,
    notAfter: endsAt,
    logs: [],
    ...request,
  });
  const result = await appraiseTlsCertificate({
    chain: chain ?? server.chain,
    hostname,
    anchors: anchors === undefined ? [made.root.certificate] : anchors,
    now: at,
  });
  const failures = result.checks
    .filter(({ outcome }) => outcome !== 'pass')
    .map(({ rule, outcome, code }) => `${rule} ${outcome === 'fail' ? code! : '?'}`);
  return { ...result, failures, server, made };
}
