/** What the browser loads: the verifier, and anchors that came as text, since certificates do not travel as objects. */
import { fromBase64, utf8 } from '@vitrine/bytes';
import { parseLogList, parseTrustedRoot } from '@vitrine/provenance';
import { type Certificate, parsePemCertificates } from '@vitrine/x509';
import { type Anchors, VerifierError, parsePolicy, verifyProof } from '../../src/index.ts';
import { withoutAlgorithm } from './lacking.ts';

/** PEM where not said otherwise. */
export interface AnchorTexts {
  readonly ark: string;
  readonly ask: string;
  readonly intel: string;
  readonly nvidiaDevice: string;
  readonly nvidiaRim: string;
  /** JSON. */
  readonly sigstore: string;
  /** JSON. */
  readonly ctLogs: string;
  readonly tls: string;
}

export interface ReplayRequest {
  readonly proofBase64: string;
  readonly anchors: AnchorTexts;
  /** Milliseconds since 1970; null: when the proof was gathered. */
  readonly atMs: number | null;
  /** YAML; null: the proof's. */
  readonly policy: string | null;
}

declare global {
  var replayProof: (request: ReplayRequest) => Promise<string>;
  var replayWithout: (lacked: string, request: ReplayRequest) => Promise<string>;
}

/** @returns the result as JSON; of a typed error its code */
export async function replayProof(request: ReplayRequest): Promise<string> {
  const { proofBase64, anchors, atMs, policy } = request;
  try {
    const result = await verifyProof(fromBase64(proofBase64), {
      anchors: await readAnchors(anchors),
      ...(atMs === null ? {} : { at: new Date(atMs) }),
      ...(policy === null ? {} : { policy: await parsePolicy(utf8(policy)) }),
    });
    return JSON.stringify(result);
  } catch (error) {
    if (error instanceof VerifierError) return error.code;
    throw error;
  }
}

/** On a platform that lacks an algorithm. */
export async function replayWithout(lacked: string, request: ReplayRequest): Promise<string> {
  const restore = withoutAlgorithm(lacked);
  try {
    return await replayProof(request);
  } finally {
    restore();
  }
}

async function readAnchors(texts: AnchorTexts): Promise<Anchors> {
  const pem = (text: string): Certificate[] => parsePemCertificates(text, 'anchor');
  return {
    snp: { Genoa: { ark: pem(texts.ark)[0]!, ask: pem(texts.ask)[0]! } },
    intel: pem(texts.intel),
    nvidia: { device: pem(texts.nvidiaDevice), rim: pem(texts.nvidiaRim) },
    sigstore: [parseTrustedRoot(utf8(texts.sigstore))],
    ctLogs: await parseLogList(utf8(texts.ctLogs)),
    tlsRoots: pem(texts.tls),
  };
}

globalThis.replayProof = replayProof;
globalThis.replayWithout = replayWithout;
