/** What the services wrap around an endorsement, taken off. Members that are not known are passed over: they add some. */
import { decodeUtf8, equalBytes, parseJson, parsePemBlocks, sha256, utf8 } from '@vitrine/bytes';
import { VerifierError, readAs } from '../../error.ts';
import type { Answer, ResourceKind } from '../../source.ts';

const MAX_BUNDLES = 100;
const MAX_CHAIN_CHARACTERS = 32 * 1024;

/**
 * NVIDIA RIM service, GET /v1/rim/{id}: {id, rim, sha256, …}.
 * @param id when given, the one that was asked for
 * @returns the manifest, an XML document
 * @throws VerifierError ENDORSEMENT_MALFORMED
 */
export async function parseRimAnswer(bytes: Uint8Array, id?: string): Promise<Uint8Array> {
  const answer = readAs('ENDORSEMENT_MALFORMED', 'RIM service', () => {
    const document = parseJson(bytes, 'answer');
    return {
      id: document.get('id').string(),
      text: document.get('rim').string(),
      rim: document.get('rim').base64(),
      sha256: document.get('sha256').hex(32),
    };
  });
  if (id !== undefined && answer.id !== id)
    throw malformed(
      `RIM service: asked for ${id}, it answers with ${JSON.stringify(answer.id.slice(0, 160))}.`,
    );
  // The service's documents leave open whether it hashes the file or its base64; a signature covers the file.
  const digests = await Promise.all([sha256(answer.rim), sha256(utf8(answer.text))]);
  if (!digests.some((digest) => equalBytes(digest, answer.sha256)))
    throw malformed('RIM service: the manifest does not have the SHA-256 that goes with it.');
  return answer.rim;
}

/**
 * GitHub REST API, "List attestations": {attestations: [{bundle, …}]}.
 * @returns the bundles, each the exact bytes of its JSON; none where there is no attestation
 * @throws VerifierError ENDORSEMENT_MALFORMED
 */
export function parseAttestationsAnswer(bytes: Uint8Array): Uint8Array[] {
  return readAs('ENDORSEMENT_MALFORMED', 'GitHub attestations', () =>
    parseJson(bytes, 'answer', { maxBytes: 16 * 1024 * 1024 })
      .get('attestations')
      .items(MAX_BUNDLES)
      .map((attestation) => {
        const bundle = attestation.get('bundle');
        if (bundle.kind !== 'object')
          throw malformed(
            `GitHub attestations: ${bundle.path} is no bundle, and it is not looked for elsewhere.`,
          );
        return bundle.raw();
      }),
  );
}

/** Headers of Intel's PCS API v4 that carry the chain of the answer's signer. */
const issuerChainHeaders = {
  'intel-tcb-info': 'tcb-info-issuer-chain',
  'intel-qe-identity': 'sgx-enclave-identity-issuer-chain',
  'intel-pck-crl': 'sgx-pck-crl-issuer-chain',
} as const satisfies Partial<Record<ResourceKind, string>>;

/**
 * The issuer chain of Intel's answer: PEM, the signer first, URL-encoded in a header.
 * @throws VerifierError ENDORSEMENT_MALFORMED: it is missing, or no PEM
 */
export function intelIssuerChain(
  kind: keyof typeof issuerChainHeaders,
  { headers }: Extract<Answer, { ok: true }>,
): string {
  const name = issuerChainHeaders[kind];
  const encoded = headers?.[name];
  if (encoded === undefined) throw malformed(`Intel PCS: the header ${name} is missing.`);
  if (encoded.length > MAX_CHAIN_CHARACTERS) throw malformed(`Intel PCS: the header ${name} is too long.`);
  const text = decodePercent(encoded, name);
  return readAs('ENDORSEMENT_MALFORMED', 'Intel PCS', () => {
    parsePemBlocks(text, 'CERTIFICATE', name);
    return text;
  });
}

/** "%0A" and the like; a plus stays a plus, since base64 has some that are not escaped. */
function decodePercent(encoded: string, name: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (cause) {
    throw new VerifierError('ENDORSEMENT_MALFORMED', `Intel PCS: the header ${name} is not URL-encoded.`, {
      cause,
    });
  }
}

/**
 * `tinfoil.hash`: a SHA-256 in hexadecimal, and at most a line break.
 * @throws VerifierError ENDORSEMENT_MALFORMED
 */
export function parseReleaseHash(bytes: Uint8Array): string {
  const text = readAs('ENDORSEMENT_MALFORMED', 'release digest', () => decodeUtf8(bytes.subarray(0, 128)));
  const digest = /^([0-9a-f]{64})\r?\n?$/.exec(text)?.[1];
  if (digest === undefined || bytes.length > 66)
    throw malformed('release digest: expected 64 lower-case hexadecimal digits and nothing else.');
  return digest;
}

function malformed(message: string): VerifierError {
  return new VerifierError('ENDORSEMENT_MALFORMED', message);
}
