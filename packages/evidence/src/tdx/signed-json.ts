/** Intel's signed JSON: ECDSA P-256 over the exact bytes of one member (Intel PCS API v4, "Get TDX TCB Info"). */
import { type JsonNode, parseJson } from '@vitrine/bytes';
import { type Certificate, verifyEcdsa } from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { type TdxErrorCode, tdxError } from './error.ts';

export interface SignedJson {
  /** The member that is signed. */
  readonly content: JsonNode;
  /** r ‖ s, big-endian. */
  readonly signature: Uint8Array;
}

/** What both kinds of document say of themselves. */
export interface CollateralDates {
  readonly issueDate: Date;
  readonly nextUpdate: Date;
}

export function readSignedJson(bytes: Uint8Array, member: string, code: TdxErrorCode): SignedJson {
  return refuseAs(code, () => {
    const document = parseJson(bytes, 'collateral').onlyNames(member, 'signature');
    const signature = document.get('signature');
    // One spelling only: no signature covers it.
    if (!/^[0-9a-f]{128}$/.test(signature.string()))
      throw tdxError(code, `${signature.path}: expected 128 lower-case hexadecimal digits.`);
    return { content: document.get(member), signature: signature.hex(64) };
  });
}

/** Whether the certificate's key signed the member's bytes as they stand: a re-indented copy is not signed. */
export async function isSignedJson(
  { content, signature }: SignedJson,
  signer: Certificate,
): Promise<boolean> {
  const { publicKey } = signer;
  if (publicKey.kind !== 'ec' || publicKey.curve !== 'P-256') return false;
  return verifyEcdsa({ curve: 'P-256', point: publicKey.point }, 'SHA-256', signature, content.raw());
}

/** @throws EvidenceError with one of the two codes */
export function requireInForce(
  { issueDate, nextUpdate }: CollateralDates,
  now: Date,
  what: string,
  codes: { readonly early: TdxErrorCode; readonly late: TdxErrorCode },
): void {
  if (now < issueDate)
    throw tdxError(
      codes.early,
      `${what}: issued at ${issueDate.toISOString()}, the time given is ${now.toISOString()}.`,
    );
  // Not "now > nextUpdate": a time that is no time is within no window.
  if (!(now <= nextUpdate))
    throw tdxError(
      codes.late,
      `${what}: a newer one was due at ${nextUpdate.toISOString()}, the time given is later or no time.`,
    );
}
