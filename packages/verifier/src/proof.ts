/** The proof: every byte that went into a verdict (docs/proof-file.md). */
import type { Dialect } from './dialect.ts';
import type { RecordedAnswer } from './source.ts';

export const proofFormat = 'vitrine-proof/v1';

export interface Proof {
  /** As given by the person who asked: a URL, or a file's name for a saved document. */
  readonly endpoint: string;
  /** The dialect that was asked for or found; null where none answered. */
  readonly dialect: Dialect | null;
  /** The clock when it was gathered. */
  readonly gatheredAt: Date;
  /** 32 bytes that were sent. */
  readonly nonce: Uint8Array;
  /** What the TLS connection showed that the document came over; null in a browser, or for a saved document. */
  readonly connection: ProofConnection | null;
  /** The service's document(s) and every resource asked for, missing ones too. */
  readonly answers: readonly RecordedAnswer[];
  /** What the client remembered of this service before: null where it keeps no memory. */
  readonly memory: ReleaseMemory | null;
  /** Exact bytes of the policy file that was used: what a replay goes by where it is given no other. */
  readonly policy: Uint8Array;
  /** "owner/name" as the person who asked named it; null where nobody did. */
  readonly repository: string | null;
  /** The dialect that was named; null where it was to be found out. */
  readonly requestedDialect: Dialect | null;
}

export interface ProofConnection {
  /** Name that was connected to, and by which the certificate must be known. */
  readonly host: string;
  readonly port: number;
  /** DERs as the server sent them, the leaf first. */
  readonly certificates: readonly Uint8Array[];
}

/** The newest release of a service that this client has accepted. */
export interface ReleaseMemory {
  /** "owner/name" or the host where there is no repository. */
  readonly service: string;
  readonly entries: readonly RememberedRelease[];
}

export interface RememberedRelease {
  readonly tag: string | null;
  /** SHA-256 of the deployment file, hexadecimal. */
  readonly digest: string;
  /** When the transparency log or the timestamp authority saw it, seconds since 1970. */
  readonly loggedAtUnix: number | null;
}
