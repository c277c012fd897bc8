/** Whom to believe: every root in one argument, so that nothing is trusted implicitly. */
import type { Certificate } from '@vitrine/x509';
import type { SnpTrustAnchors, NvidiaTrustAnchors } from '@vitrine/evidence';
import type { LogList, TrustedRoot } from '@vitrine/provenance';

export interface Anchors {
  /** AMD's roots by product; the built-in ones where left out. */
  readonly snp?: SnpTrustAnchors | undefined;
  /** Intel's root; the built-in one where left out. */
  readonly intel?: readonly Certificate[] | undefined;
  readonly nvidia?: NvidiaTrustAnchors | undefined;
  /** Sigstore instances whose signatures count. */
  readonly sigstore: readonly TrustedRoot[];
  /** null: transparency of certificates is not checked. */
  readonly ctLogs: LogList | null;
  /** Roots of the web; null: the certificate's chain is not checked. */
  readonly tlsRoots: readonly Certificate[] | null;
}
