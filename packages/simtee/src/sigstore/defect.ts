/** What can be wrong with a bundle on request: each with everything else in order. */

export type SigstoreDefect =
  /** The certificate ended before the signature was observed. */
  | 'expired-certificate'
  | 'certificate-not-yet-valid'
  | 'no-code-signing'
  | 'no-digital-signature'
  | 'authority-certificate'
  /** The poison of RFC 6962 is still in the certificate. */
  | 'precertificate'
  /** There is no subject alternative name. */
  | 'nobody'
  /** Issued under the right name by the wrong key. */
  | 'foreign-authority'
  | 'no-sct'
  | 'forged-sct'
  | 'sct-twice'
  | 'sct-before-log'
  | 'unknown-certificate-log'
  /** The content was changed after it was signed. */
  | 'payload-swapped'
  | 'payload-type-swapped'
  | 'foreign-signature'
  | 'root-in-chain'
  | 'no-set'
  | 'forged-set'
  /** The promise is of another time than the entry says. */
  | 'set-of-another-time'
  | 'no-inclusion-proof'
  | 'bad-inclusion'
  | 'inclusion-of-another-entry'
  | 'forged-checkpoint'
  | 'checkpoint-of-another-tree'
  | 'unknown-log'
  | 'entry-of-another-signature'
  | 'entry-of-another-certificate'
  | 'entry-of-another-content'
  | 'entry-of-another-kind'
  | 'entry-twice'
  | 'no-log-entry'
  | 'forged-timestamp'
  | 'timestamp-of-another-signature'
  | 'timestamp-of-another-content'
  | 'timestamp-before-authority'
  | 'timestamp-by-certificate-of-another-use'
  | 'timestamp-late'
  | 'timestamp-unknown-authority';
