/** Bundles of a simulated Sigstore with one defect each, and the refusal of its own. */
import { type SigstoreErrorCode } from '@vitrine/provenance/sigstore';
import { type SigstoreDefect } from '@vitrine/simtee/sigstore';
import { type Suite } from '../../../evidence/test/suite.ts';
import { release, simulated, statementFor } from './release.ts';
import { artifact, refused, rekorVersions } from './verifying.ts';

/** Each defect, and the code that it is refused with: with version 1 of Rekor unless it is said otherwise. */
const defects: readonly (readonly [SigstoreDefect, SigstoreErrorCode])[] = [
  ['expired-certificate', 'CERT_EXPIRED'],
  ['certificate-not-yet-valid', 'CERT_NOT_YET_VALID'],
  ['no-code-signing', 'CERT_USAGE_INVALID'],
  ['no-digital-signature', 'CERT_USAGE_INVALID'],
  ['authority-certificate', 'CERT_USAGE_INVALID'],
  ['nobody', 'CERT_IDENTITY_MALFORMED'],
  ['precertificate', 'FULCIO_CHAIN_INVALID'],
  ['foreign-authority', 'FULCIO_CHAIN_INVALID'],
  ['no-sct', 'SCT_INSUFFICIENT'],
  ['forged-sct', 'SCT_INVALID'],
  ['sct-twice', 'SCT_DUPLICATE_LOG'],
  ['sct-before-log', 'SCT_INSUFFICIENT'],
  ['unknown-certificate-log', 'SCT_INSUFFICIENT'],
  ['payload-swapped', 'DSSE_SIGNATURE_INVALID'],
  ['payload-type-swapped', 'DSSE_SIGNATURE_INVALID'],
  ['foreign-signature', 'DSSE_SIGNATURE_INVALID'],
  ['no-set', 'OBSERVER_TIMESTAMP_INSUFFICIENT'],
  ['forged-set', 'SET_INVALID'],
  ['set-of-another-time', 'SET_INVALID'],
  ['no-inclusion-proof', 'BUNDLE_MALFORMED'],
  ['bad-inclusion', 'REKOR_INCLUSION_INVALID'],
  ['inclusion-of-another-entry', 'REKOR_INCLUSION_INVALID'],
  ['forged-checkpoint', 'CHECKPOINT_INVALID'],
  ['checkpoint-of-another-tree', 'CHECKPOINT_ROOT_MISMATCH'],
  ['unknown-log', 'REKOR_KEY_NOT_TRUSTED'],
  ['entry-of-another-signature', 'LOG_ENTRY_MISMATCH'],
  ['entry-of-another-certificate', 'LOG_ENTRY_MISMATCH'],
  ['entry-of-another-content', 'LOG_ENTRY_MISMATCH'],
  ['entry-of-another-kind', 'LOG_ENTRY_MISMATCH'],
  ['entry-twice', 'LOG_ENTRY_DUPLICATE'],
  ['no-log-entry', 'TLOG_COUNT_OUT_OF_RANGE'],
  ['forged-timestamp', 'TIMESTAMP_INVALID'],
  ['timestamp-of-another-signature', 'TIMESTAMP_INVALID'],
  ['timestamp-of-another-content', 'TIMESTAMP_INVALID'],
  ['timestamp-before-authority', 'TIMESTAMP_AUTHORITY_UNTRUSTED'],
  ['timestamp-by-certificate-of-another-use', 'TIMESTAMP_AUTHORITY_UNTRUSTED'],
  ['timestamp-unknown-authority', 'TIMESTAMP_AUTHORITY_UNTRUSTED'],
  ['timestamp-late', 'CERT_EXPIRED'],
];

/** What the first version of Rekor alone has. */
const onlyFirst: readonly SigstoreDefect[] = ['no-set', 'forged-set', 'set-of-another-time'];

export const refusals: Suite = {
  name: 'defects of a simulated Sigstore',
  cases: rekorVersions.flatMap((rekor) =>
    defects
      .filter(([defect]) => rekor === 1 || !onlyFirst.includes(defect))
      .map(([defect, code]) => ({
        name: `Rekor v${rekor}: ${defect.replaceAll('-', ' ')} is refused as ${code}`,
        run: async () => {
          const sigstore = await simulated(rekor);
          const bundle = await sigstore.signDsse({
            ...release,
            payload: await statementFor(artifact),
            defect,
          });
          await refused(sigstore, { bundle }, code);
        },
      })),
  ),
};
