/** Whom to believe: every root in one argument, so that nothing is trusted implicitly. */
import type { Certificate } from '@vitrine/x509';
import type { SnpTrustAnchors, NvidiaTrustAnchors } from '@vitrine/evidence';
import type { LogList, TrustedRoot } from '@vitrine/provenance';

/** A TUF repository that says which keys an instance has. */
export interface SigstoreRepository {
  /** Without a slash at the end. */
  readonly url: string;
  /** `root.json`: whose word is taken on all that follows. */
  readonly root: string;
  /** Name of the trusted root among its targets. */
  readonly target: string;
  /** Used where the repository cannot be asked, or is not as its root says. */
  readonly builtIn: TrustedRoot;
  /** When that was taken: "2026-11-25". */
  readonly builtInOf: string;
}

export interface Anchors {
  /** AMD's roots by product; the built-in ones where left out. */
  readonly snp?: SnpTrustAnchors | undefined;
  /** Intel's root; the built-in one where left out. */
  readonly intel?: readonly Certificate[] | undefined;
  readonly nvidia?: NvidiaTrustAnchors | undefined;
  /** Sigstore instances whose signatures count. */
  readonly sigstore: readonly TrustedRoot[];
  /** Instances whose keys are asked for, so that a key that was added or withdrawn is known. */
  readonly sigstoreRepositories?: readonly SigstoreRepository[] | undefined;
  /** null: transparency of certificates is not checked. */
  readonly ctLogs: LogList | null;
  /** Roots of the web; null: the certificate's chain is not checked. */
  readonly tlsRoots: readonly Certificate[] | null;
}
