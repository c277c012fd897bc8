/** What a verification came to: every check, and what kind of roots it ends in. */
import type { Check } from '@vitrine/evidence';
import type { Certificate } from '@vitrine/x509';
import type { EvidenceFile } from './files.ts';

export interface EvidenceVerdict {
  /** "AMD SEV-SNP report" */
  readonly what: string;
  readonly checks: readonly Check[];
  /** The trust anchors are the vendor's, built in; else somebody named others. */
  readonly isProduction: boolean;
}

/** The evidence could not be judged: something that it takes is not there. */
export class MissingEndorsement extends Error {
  override readonly name = 'MissingEndorsement';
  readonly code = 'ENDORSEMENT_MISSING';
}

export interface VerifyInputs {
  readonly files: readonly EvidenceFile[];
  /** Trust anchors instead of the vendor's. */
  readonly anchors: readonly Certificate[] | undefined;
  readonly now: Date;
  readonly reportData: Uint8Array | undefined;
  readonly measurement: Uint8Array | undefined;
  readonly nonce: Uint8Array | undefined;
}
