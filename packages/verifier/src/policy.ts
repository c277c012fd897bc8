/** What a relying party accepts: the parsed form of `vitrine-policy.yml` (docs/policy.md). */
import type { AcceptableTcbStatus, SnpProduct } from '@vitrine/evidence';

export interface VerificationPolicy {
  readonly name: string;
  /** SHA-256 of the file's bytes, hexadecimal; of "" for the built-in default. */
  readonly sha256: string;
  readonly hardware: HardwarePolicy;
  readonly devices: DevicePolicy;
  readonly code: CodePolicy;
  readonly measurements: MeasurementPolicy;
  readonly freshness: FreshnessPolicy;
  readonly channel: ChannelPolicy;
}

export interface HardwarePolicy {
  readonly platforms: readonly ('sev-snp' | 'tdx')[];
  readonly snp: {
    readonly products: readonly SnpProduct[];
    /** Components by line, each a floor of the reported TCB; what is left out has the built-in floor: see `tcbFloorOf`. */
    readonly minimumTcb: Readonly<Partial<Record<SnpLine, TcbFloor>>>;
    readonly vmpl: readonly number[];
    readonly allowDebug: boolean;
    readonly allowMigration: boolean;
    readonly allowSmt: boolean;
    readonly requireRevocation: boolean;
  };
  readonly tdx: {
    readonly acceptedStatuses: readonly AcceptableTcbStatus[];
    readonly outOfDateGraceDays: number;
    readonly minimumEvaluationDataNumber: number | null;
    readonly mrSeam: readonly string[] | null;
    readonly allowDebug: boolean;
    readonly requireCollateral: boolean;
  };
}

/** Microcode is numbered by line of processors, not by product: 27 is current for Bergamo and ancient for Genoa. */
export type SnpLine = SnpProduct | 'Milan-X' | 'Genoa-X' | 'Bergamo';

/** Security patch levels, 0 to 255; `fmc` on Turin only. */
export type TcbFloor = Readonly<Partial<Record<'fmc' | 'bootloader' | 'tee' | 'snp' | 'microcode', number>>>;

export interface DevicePolicy {
  /** null: as many as the measured configuration declares, and whatever is shown is checked. */
  readonly gpus: number | null;
  /** "GH100" …; null: any that NVIDIA's root vouches for. */
  readonly architectures: readonly string[] | null;
  readonly minimumDriverVersion: string | null;
  readonly requireRims: boolean;
  readonly requireRevocation: boolean;
  /** The GPU's nonce must be the client's, or be bound to the CPU's evidence. */
  readonly requireBinding: boolean;
}

export interface CodePolicy {
  /** Who may build. Empty: nobody is named, so who built it cannot be checked. */
  readonly builders: readonly BuilderPolicy[];
  /** So many different ones of them must have signed. */
  readonly threshold: number;
  readonly predicateTypes: readonly string[];
  /** Releases older than the newest seen: refused unless true. */
  readonly allowRollback: boolean;
  /** A release older than this is refused; null: any age. */
  readonly maximumAgeDays: number | null;
}

/** A workflow of GitHub, a pipeline of GitLab, or whoever else Sigstore gives a certificate to. */
export type BuilderPolicy = WorkflowBuilder | PipelineBuilder | SubjectBuilder;

export interface WorkflowBuilder {
  readonly issuer: string;
  /** "https://github.com", or a server of GitHub Enterprise. */
  readonly server: string;
  /** "owner/name", exact. */
  readonly repository: string;
  /** File of the workflow; null: any of that repository. */
  readonly workflow: string | null;
  /** Of the git ref: "refs/tags/*", one pattern, anchored at both ends, `*` within a segment. */
  readonly ref: string;
  readonly runnerEnvironment: 'github-hosted' | 'self-hosted' | null;
}

export interface PipelineBuilder {
  /** And server: "https://gitlab.com", or one of one's own. */
  readonly issuer: string;
  /** "group/subgroup/name", exact. */
  readonly project: string;
  /** File that the pipeline is in, from the root of the project; null: any of that project. */
  readonly configuration: string | null;
  /** As of a workflow. */
  readonly ref: string;
  readonly runnerEnvironment: 'gitlab-hosted' | 'self-hosted' | null;
}

/** A person's address, a service account, a SPIFFE ID: both exact. */
export interface SubjectBuilder {
  readonly issuer: string;
  readonly subject: string;
}

export interface MeasurementPolicy {
  /** Registers in hexadecimal: where there are any, the measurement must be one of these, not a signed release's. */
  readonly pinned: readonly PinnedMeasurement[];
  /** Root hashes: a pack that is not listed fails; null: any that the configuration names. */
  readonly modelRoots: readonly string[] | null;
  /** The measurement must have been recomputed from its parts. */
  readonly requireRecomputation: boolean;
  /** Container images must be pinned by digest. */
  readonly requirePinnedImages: boolean;
  /** Known platforms (TDX): MRTD and RTMR0; null: from the platform statement. */
  readonly hardware: readonly { readonly id: string; readonly mrtd: string; readonly rtmr0: string }[] | null;
}

export interface PinnedMeasurement {
  readonly name: string;
  /** launchDigest; mrtd, rtmr0 … rtmr3. Each that is named must be equal. */
  readonly registers: Readonly<Record<string, string>>;
}

export interface FreshnessPolicy {
  /** The evidence must be over the client's own nonce. Dialects without one then cannot be verified. */
  readonly requireNonce: boolean;
  /** A saved proof older than this is refused; null: any age. */
  readonly maximumProofAgeSeconds: number | null;
}

export interface ChannelPolicy {
  /** Exact names, or "*.example.org"; null: the endpoint's own host. */
  readonly domains: readonly string[] | null;
  readonly requireAttestedTlsKey: boolean;
  /** Web PKI chain of the certificate. */
  readonly requireTrustedChain: boolean;
  readonly ct: {
    readonly required: boolean;
    readonly minimumOperators: number;
    /** Proof that the log holds it, not only its promise. */
    readonly requireInclusion: boolean;
  };
}
