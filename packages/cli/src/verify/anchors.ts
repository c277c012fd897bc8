/** Whom the command believes: what is built in, unless files name others. */
import { readFileSync } from 'node:fs';
import {
  type SnpTrustAnchors,
  amdTrustAnchors,
  intelRootCa,
  nvidiaTrustAnchors,
  snpProducts,
} from '@vitrine/evidence';
import { type LogList, parseLogList, parseTrustedRoot } from '@vitrine/provenance';
import type { Anchors, Source } from '@vitrine/verifier';
import { machineRoots } from '@vitrine/verifier/node';
import { type Certificate, commonName, parsePemCertificates } from '@vitrine/x509';
import { UsageError } from '../exit.ts';

export interface AnchorFlags {
  /** PEM: roots of simulated hardware. */
  readonly allowSimulated?: string;
  /** Sigstore trusted_root.json files, besides the public instance. */
  readonly trustedRoot?: readonly string[];
  /** Log list in Google's v3 format. */
  readonly ctLogs?: string;
  /** PEM: certification authorities besides those of this machine. */
  readonly tlsCa?: string;
}

/**
 * @param source where a newer list of logs may come from: never from a proof, whose maker would choose the logs
 * @param shown DERs of the certificates that the roots are for, where they are known before: other roots then are not read
 * @throws UsageError for a file that cannot be read or is not what it should be
 */
export async function readAnchors(
  flags: AnchorFlags,
  source: Source,
  shown?: readonly Uint8Array[],
): Promise<Anchors> {
  const simulated = flags.allowSimulated === undefined ? [] : readCertificates(flags.allowSimulated);
  const { publicGoodRepository } = await import('@vitrine/verifier/anchors/sigstore');
  return {
    ...hardwareAnchors(simulated),
    sigstore: (flags.trustedRoot ?? []).map((path) =>
      readAs(path, 'a Sigstore trusted root', parseTrustedRoot),
    ),
    sigstoreRepositories: [publicGoodRepository()],
    ctLogs: await ctLogs(flags.ctLogs, source),
    tlsRoots: [...machineRoots(shown), ...(flags.tlsCa === undefined ? [] : readCertificates(flags.tlsCa))],
  };
}

/** Each root by the name that it has: what is not named stays the vendor's. */
function hardwareAnchors(roots: readonly Certificate[]): Pick<Anchors, 'snp' | 'intel' | 'nvidia'> {
  const snp: SnpTrustAnchors = { ...amdTrustAnchors() };
  const isArk = (root: Certificate) =>
    snpProducts.find((product) => commonName(root.subject) === `ARK-${product}`);
  const isIntel = (root: Certificate) => commonName(root.subject) === 'Intel SGX Root CA';
  const others = roots.filter((root) => !isArk(root) && !isIntel(root));
  const arks = Object.fromEntries(roots.flatMap((ark) => (isArk(ark) ? [[isArk(ark)!, { ark }]] : [])));
  const nvidia = nvidiaTrustAnchors();
  return {
    snp: { ...snp, ...arks },
    intel: [intelRootCa(), ...roots.filter(isIntel)],
    nvidia: { device: [...nvidia.device, ...others], rim: [...nvidia.rim, ...others] },
  };
}

/** The file that was named; else the newer of Google's list, where it can be had, and the built-in one. */
async function ctLogs(path: string | undefined, source: Source): Promise<LogList> {
  if (path !== undefined) return await parseLogList(readAs(path, 'a list of logs', (bytes) => bytes));
  const { currentLogList } = await import('@vitrine/verifier/anchors');
  return currentLogList(source);
}

function readCertificates(path: string): Certificate[] {
  return readAs(path, 'certificates in PEM', (bytes) =>
    parsePemCertificates(new TextDecoder().decode(bytes), path),
  );
}

function readAs<T>(path: string, what: string, parse: (bytes: Uint8Array) => T): T {
  try {
    return parse(new Uint8Array(readFileSync(path)));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${path}: expected ${what}: ${reason}`, { cause });
  }
}
