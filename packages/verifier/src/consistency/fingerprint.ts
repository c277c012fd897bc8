/** One short name for a measurement, as others compute it. */
import { fingerprint, parseRegisterSet, predicateType } from '@vitrine/measure/predicate';
import type { AuthenticCpu } from '../runtime/runtime.ts';

/** The launch digest itself, or SHA-256 over the type and the five registers of a trust domain. */
export function fingerprintOf({ platform, registers }: AuthenticCpu): Promise<string> {
  return platform === 'sev-snp'
    ? fingerprint(parseRegisterSet(predicateType.sevSnpGuest, [registers['launchDigest']!]))
    : fingerprint(
        parseRegisterSet(
          predicateType.tdxGuest,
          ['mrtd', 'rtmr0', 'rtmr1', 'rtmr2', 'rtmr3'].map((name) => registers[name]!),
        ),
      );
}
