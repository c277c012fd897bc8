/** A policy over what the attestation service says. */
import { equalBytes, toHex } from '@vitrine/bytes';
import { type Appraisal, type Check, appraisalOf, decided, notChecked } from '@vitrine/appraisal';
import type { AuthenticEat, EatToken } from './eat.ts';
import type { NvidiaPolicyCode } from './error.ts';

export interface EatPolicy {
  /** Default: NVIDIA's production service. */
  readonly issuer?: string;
  /** The verifier's. */
  readonly nonce?: Uint8Array;
}

/** NVIDIA Remote Attestation Service. */
export const nrasIssuer = 'https://nras.attestation.nvidia.com';
const NVIDIA = 'NVIDIA attestation documents, claims of the remote service';

export function appraiseEat(eat: AuthenticEat, policy: EatPolicy = {}): Appraisal {
  return appraisalOf([
    issuerCheck(eat, policy),
    nonceCheck(eat, policy),
    resultCheck(eat),
    ...[...eat.devices].flatMap(([name, token]) => deviceChecks(name, token)),
  ]);
}

function issuerCheck({ overall }: AuthenticEat, { issuer = nrasIssuer }: EatPolicy): Check {
  return decided(
    overall.issuer === issuer,
    {
      rule: 'nvidia.eat.issuer',
      expected: issuer,
      found: overall.issuer,
      source: 'RFC 7519 section 4.1.1',
    },
    'EAT_ISSUER_MISMATCH' satisfies NvidiaPolicyCode,
  );
}

function nonceCheck({ overall }: AuthenticEat, { nonce }: EatPolicy): Check {
  const rule = 'nvidia.eat.nonce';
  const source = 'RFC 9711, eat_nonce';
  if (!nonce) return notChecked({ rule, expected: 'a nonce', source }, 'no nonce was given');
  return decided(
    equalBytes(nonce, overall.nonce),
    { rule, expected: toHex(nonce), found: toHex(overall.nonce), source },
    'EAT_NONCE_MISMATCH' satisfies NvidiaPolicyCode,
  );
}

function resultCheck({ overallResult }: AuthenticEat): Check {
  return decided(
    overallResult,
    { rule: 'nvidia.eat.result', expected: 'true', found: String(overallResult), source: NVIDIA },
    'EAT_RESULT_FAILED' satisfies NvidiaPolicyCode,
  );
}

/** The overall result should imply these: a token in which it does not is not relied on. */
function deviceChecks(name: string, { claims }: EatToken): Check[] {
  const isDevice = (claim: string, expected: string | boolean): Check =>
    decided(
      claims[claim] === expected,
      {
        rule: `nvidia.eat.device.${claim}`,
        expected: `${name}: ${expected}`,
        found: `${name}: ${Object.hasOwn(claims, claim) ? JSON.stringify(claims[claim]) : 'nothing'}`,
        source: NVIDIA,
      },
      'EAT_DEVICE_FAILED' satisfies NvidiaPolicyCode,
    );
  return [isDevice('measres', 'success'), isDevice('secboot', true), isDevice('dbgstat', 'disabled')];
}
