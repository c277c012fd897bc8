/** The chain of an endorsement key: VCEK to ASK, or VLEK to ASVK, to an ARK that is trusted. */
import { type Certificate, commonName, formatName, parseCertificate, sameCertificate } from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { type SnpHierarchy, type SnpTrustAnchors, amdTrustAnchors } from './anchors.ts';
import { type SnpErrorCode, snpError } from './error.ts';
import type { Vek } from './vek.ts';

export interface SnpChainInputs {
  /** ARKs that are trusted, by product, and intermediates that are known. Default: AMD's, which are built in. */
  readonly anchors?: SnpTrustAnchors;
  /**
   * DER of the certificates that came with the evidence: ASK or ASVK, and perhaps the ARK, which must then be the one that
   * is trusted. Default: the intermediate of the anchors.
   */
  readonly intermediates?: readonly Uint8Array[];
}

export interface SnpChain {
  readonly vek: Certificate;
  /** The ASK of a VCEK, the ASVK of a VLEK. */
  readonly intermediate: Certificate;
  readonly ark: Certificate;
  /** The ARK is AMD's, not one that the caller named. */
  readonly isProduction: boolean;
}

/**
 * Chooses the certificates by their names. That they are authentic is then for signatures to prove.
 * @throws EvidenceError ARK_UNTRUSTED or ASK_INVALID
 */
export function assembleChain(vek: Vek, { anchors, intermediates }: SnpChainInputs): SnpChain {
  const amd = amdTrustAnchors();
  const hierarchy = (anchors ?? amd)[vek.product];
  if (!hierarchy) throw snpError('ARK_UNTRUSTED', `None of the trust anchors given is for ${vek.product}.`);
  const given = intermediates?.map((der, index) =>
    refuseAs('ASK_INVALID', () =>
      parseCertificate(new Uint8Array(der), `intermediate certificate ${index + 1}`),
    ),
  );
  for (const certificate of given ?? []) requireKnownName(certificate);
  const ark = chooseArk(vek, hierarchy, given);
  const intermediate = chooseIntermediate(vek, hierarchy, given);
  requireForm(intermediate, 'ASK_INVALID');
  requireForm(ark, 'ARK_UNTRUSTED');
  return {
    vek: vek.certificate,
    intermediate,
    ark,
    isProduction: sameCertificate(ark, amd[vek.product].ark),
  };
}

/** A certificate that has no place in a chain of AMD's is not passed over. */
function requireKnownName({ subject }: Certificate): void {
  if (/^(ARK|SEV|SEV-VLEK)-[A-Z][a-z]+$/.test(commonName(subject) ?? '')) return;
  throw snpError('ASK_INVALID', `The intermediate certificate ${formatName(subject)} is not one of AMD's.`);
}

/** Another ARK that came along is not passed over: it says that the evidence is of another hierarchy. */
function chooseArk({ product }: Vek, { ark }: SnpHierarchy, given: readonly Certificate[] = []): Certificate {
  const name = commonName(ark.subject);
  if (name !== `ARK-${product}`)
    throw snpError('ARK_UNTRUSTED', `The trust anchor for ${product} is named ${name ?? 'nothing'}.`);
  const other = given.find(
    (certificate) =>
      commonName(certificate.subject)?.startsWith('ARK-') && !sameCertificate(certificate, ark),
  );
  if (!other) return ark;
  throw snpError(
    'ARK_UNTRUSTED',
    `The ${commonName(other.subject)!} that came with the evidence is not the trust anchor for ${product}.`,
  );
}

function chooseIntermediate(vek: Vek, hierarchy: SnpHierarchy, given?: readonly Certificate[]): Certificate {
  const name = vek.kind === 'VCEK' ? `SEV-${vek.product}` : `SEV-VLEK-${vek.product}`;
  const known = vek.kind === 'VCEK' ? hierarchy.ask : hierarchy.asvk;
  const candidates = given ?? (known ? [known] : []);
  const found = candidates.find(({ subject }) => commonName(subject) === name);
  if (found) return found;
  throw snpError('ASK_INVALID', `None of the ${candidates.length} intermediate certificates is ${name}.`);
}

/** AMD's authorities have RSA keys of 4096 bits, and are signed with RSASSA-PSS and SHA-384. */
function requireForm(certificate: Certificate, code: SnpErrorCode): void {
  const { signatureAlgorithm: algorithm, publicKey, version } = certificate;
  const isPss =
    algorithm.name === 'RSA-PSS' && algorithm.hash === 'SHA-384' && algorithm.saltLengthBytes === 48;
  const isRsa4096 = publicKey.kind === 'rsa' && publicKey.modulusBits === 4096;
  if (version === 3 && isPss && isRsa4096) return;
  throw snpError(
    code,
    `Expected ${commonName(certificate.subject) ?? 'an authority'} to be X.509 version 3, RSA 4096, signed with RSASSA-PSS and SHA-384.`,
  );
}
