/** What OCSP responses say of a chain (RFC 6960); NVIDIA publishes no other revocation. */
import { type Certificate, type OcspResponse, formatName, inOrder, verifyOcspResponse } from '@vitrine/x509';
import { type Check, notChecked, passed } from '@vitrine/appraisal';
import { refuseAs, refuseAsync } from '../error.ts';
import { nvidiaError } from './error.ts';
import { type Repeated, createRepeated } from './repeated.ts';

export interface OcspInput {
  readonly now: Date;
  readonly responses: readonly Uint8Array[] | undefined;
  readonly repeated?: Repeated | undefined;
}

const CERTIFICATE_HOLD = 6;
const SOURCE = 'RFC 6960 section 3.2';

/** Whose chain it is: a device's, or that of a manifest's signer. */
export type ChainOwner = 'GPU' | 'RIM';

/**
 * One check for each certificate under the root.
 * @throws EvidenceError CERTIFICATE_REVOKED, CERTIFICATE_ON_HOLD, OCSP_UNKNOWN, OCSP_INVALID, each behind GPU_ or RIM_
 */
export async function revocationChecks(
  chain: readonly Certificate[],
  owner: ChainOwner,
  rule: string,
  { now, responses = [], repeated = createRepeated() }: OcspInput,
): Promise<Check[]> {
  const parsed = refuseAs(`${owner}_OCSP_INVALID`, () => responses.map((der) => repeated.ocspResponse(der)));
  const used = new Set<number>();
  const answers = chain.slice(0, -1).map((certificate) => {
    // Two certificates may have one number under two issuers: the responder's CertID decides, in verifyOcspResponse.
    const found = parsed.findIndex((response, index) => !used.has(index) && speaksOf(response, certificate));
    if (found >= 0) used.add(found);
    return parsed[found];
  });
  const check = async (response: OcspResponse | undefined, at: number): Promise<Check> => {
    const certificate = chain[at]!;
    const name = formatName(certificate.subject);
    const expected = `${name} is not revoked`;
    if (!response) return notChecked({ rule, expected, source: SOURCE }, 'no OCSP response was given');
    const status = await refuseAsync(`${owner}_OCSP_INVALID`, () =>
      verifyOcspResponse(response, { certificate, issuer: chain[at + 1]!, now }),
    );
    if (status.kind !== 'good') refuseStatus(status, owner, name);
    return passed({ rule, expected, found: 'good', source: SOURCE });
  };
  // Side by side, since each takes milliseconds; fails as one after the other would.
  const checks = await inOrder(answers.map(check));
  if (used.size !== parsed.length)
    throw nvidiaError(`${owner}_OCSP_INVALID`, 'An OCSP response speaks of no certificate of the chain.');
  return checks;
}

function speaksOf(response: OcspResponse, certificate: Certificate): boolean {
  return response.responses.some(({ serialNumber }) => serialNumber === certificate.serialNumber);
}

function refuseStatus(
  status: { readonly kind: string; readonly reason?: number | undefined },
  owner: ChainOwner,
  name: string,
): never {
  if (status.kind !== 'revoked')
    throw nvidiaError(`${owner}_OCSP_UNKNOWN`, `The responder does not know ${name}.`);
  if (status.reason === CERTIFICATE_HOLD)
    throw nvidiaError(`${owner}_CERTIFICATE_ON_HOLD`, `${name} is on hold.`);
  throw nvidiaError(`${owner}_CERTIFICATE_REVOKED`, `${name} is revoked.`);
}
