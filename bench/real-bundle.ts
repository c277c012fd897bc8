/**
 * A Tinfoil bundle of real evidence, for both verifiers: report, VCEK and Sigstore bundle are from the fixtures and belong
 * together. The certificate is made here, since that machine's is not at hand: the peer reads only its names; we find that
 * its key is not the attested one, after all else was verified.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { toHex, utf8 } from '@vitrine/bytes';
import { publicGoodTrustedRoot } from '@vitrine/provenance/sigstore/public-good';
import { type Anchors, type Proof, defaultPolicy, formatPolicy, writeProof } from '@vitrine/verifier';
import { formatPemCertificates } from '@vitrine/x509';
import { fixturesFolder } from '../packages/evidence/test/fixtures.ts';
import type { World } from '../packages/verifier/test/end-to-end/world.ts';
import { peerModule } from './install-peers.ts';

export interface RealBundle {
  readonly repository: string;
  readonly json: {
    readonly domain: string;
    readonly enclaveAttestationReport: { readonly format: string; readonly body: string };
    readonly digest: string;
    readonly sigstoreBundle: unknown;
    readonly vcek: string;
    readonly enclaveCert: string;
  };
  /** DERs, the leaf first: what the server would have shown. */
  readonly chain: readonly Uint8Array[];
}

const DOMAIN = 'inference.example.org';
const FORMAT = 'https://tinfoil.sh/predicate/sev-snp-guest/v2';
const REPORT_DATA_OFFSET = 0x50;

export async function loadRealBundle(world: World): Promise<RealBundle> {
  const sev = vector('attestation-sev/200-real-sev-snp-happy');
  const sigstore = vector('sigstore/019-in-toto-statement-types-allowed-null-accepts');
  const body = sev['attestation_doc_b64']!;
  const report = new Uint8Array(gunzipSync(Buffer.from(body, 'base64')));
  const hpke = report.slice(REPORT_DATA_OFFSET + 32, REPORT_DATA_OFFSET + 64);
  const documentHash = createHash('sha256').update(`${FORMAT}${body}`).digest('hex');
  const { certificate, chain } = await world.issueTls({
    names: [DOMAIN, ...dcode(hpke, 'hpke'), ...dcode(utf8(documentHash), 'hatt')],
  });
  return {
    repository: sigstore['repo']!,
    json: {
      domain: DOMAIN,
      enclaveAttestationReport: { format: FORMAT, body },
      digest: sigstore['expected_digest_sha256_hex']!,
      sigstoreBundle: JSON.parse(Buffer.from(sigstore['bundle_b64']!, 'base64').toString()) as unknown,
      vcek: sev['vcek_der_b64']!,
      enclaveCert: formatPemCertificates([certificate]),
    },
    chain: chain.map(({ der }) => der),
  };
}

function vector(path: string): Record<string, string> {
  const file = join(fixturesFolder, 'conformance/vectors', path, 'input.json');
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const LABEL_CHARACTERS = 60;

/** Bytes in DNS names: two digits of the place, base32. */
function dcode(bytes: Uint8Array, prefix: string): string[] {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const text = (bits.match(/.{1,5}/g) ?? [])
    .map((five) => ALPHABET[parseInt(five.padEnd(5, '0'), 2)])
    .join('');
  const pieces = text.match(new RegExp(`.{1,${LABEL_CHARACTERS}}`, 'g')) ?? [];
  return pieces.map((piece, at) => `${String(at).padStart(2, '0')}${piece}.${prefix}.${DOMAIN}`);
}

/** @returns verifies the bundle once; throws where it does not accept it */
export async function peerVerifier({ repository, json }: RealBundle): Promise<() => Promise<unknown>> {
  const { Verifier } = (await peerModule('@tinfoilsh/verifier/dist/index.js')) as {
    Verifier: new (options: { configRepo: string }) => { verifyBundle(bundle: unknown): Promise<unknown> };
  };
  return () => new Verifier({ configRepo: repository }).verifyBundle(json);
}

/** The same bundle as a proof, under the vendors' own roots; the certificate is under the simulated web's. */
export async function proofOfBundle(
  { repository, json, chain }: RealBundle,
  { ctLogs, tlsRoots }: Anchors,
): Promise<{ readonly bytes: Uint8Array; readonly anchors: Anchors }> {
  const endpoint = `https://${DOMAIN}`;
  const proof: Proof = {
    endpoint,
    repository,
    requestedDialect: 'tinfoil',
    dialect: 'tinfoil',
    gatheredAt: new Date(),
    nonce: new Uint8Array(32),
    policy: utf8(formatPolicy(defaultPolicy({ repository }))),
    connection: { host: DOMAIN, port: 443, certificates: chain },
    memory: null,
    answers: [
      {
        request: {
          kind: 'endpoint-document',
          url: `${endpoint}/.well-known/tinfoil-attestation?nonce=${toHex(new Uint8Array(32))}`,
        },
        answer: { ok: true, bytes: utf8(JSON.stringify(json)) },
      },
    ],
  };
  return {
    bytes: await writeProof(proof),
    anchors: { sigstore: [publicGoodTrustedRoot()], ctLogs, tlsRoots },
  };
}
