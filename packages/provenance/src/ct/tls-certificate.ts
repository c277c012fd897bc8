/** The certificate of a TLS server, rule by rule: in date, up to a trust anchor, for the name that was connected to. */
import { BytesError } from '@vitrine/bytes';
import {
  type Appraisal,
  type Check,
  appraisalOf,
  decided,
  failed,
  notChecked,
  passed,
} from '@vitrine/appraisal';
import { type Certificate, describeKey, extendedKeyUsage, formatName, hasKeyUsage } from '@vitrine/x509';
import { assumedPath, findPath } from './certificate-path.ts';
import { type TlsCode, ctError } from './error.ts';
import { violatedConstraint } from './name-constraints.ts';
import { describeNames, isForHost, parseHost, subjectNames } from './subject-names.ts';

export interface TlsCertificateEvidence {
  /** As the server sent them: its own first, the others in any order, with others among them. */
  readonly chain: readonly Certificate[];
  /** A DNS name in ASCII or an IP address: what was connected to. */
  readonly hostname: string;
  /** null: nobody named any, and the chain is not checked. */
  readonly anchors: readonly Certificate[] | null;
  readonly now: Date;
}

export interface TlsAppraisal extends Appraisal {
  /**
   * The leaf first. Up to the anchor where `tls.chain` passed, else as far as the names lead, and not verified. Its
   * second is the issuer that `authenticateScts` needs.
   */
  readonly path: readonly Certificate[];
}

const RFC5280 = 'RFC 5280';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const ANY_USAGE = '2.5.29.37.0';
const MIN_RSA_BITS = 2048;
const MAX_SENT = 32;

/** @throws ProvenanceError CERTIFICATE_ABSENT where the chain is empty */
export async function appraiseTlsCertificate(evidence: TlsCertificateEvidence): Promise<TlsAppraisal> {
  const { chain, hostname, now } = evidence;
  const [leaf, ...sent] = chain;
  if (!leaf) throw ctError('CERTIFICATE_ABSENT', 'The server sent no certificate.');
  const validity = validityRule(leaf, now);
  const { check, path } = await chainRule(leaf, sent, evidence, validity);
  const checks = [
    validity,
    check,
    nameRule(leaf, hostname),
    constraintRule(path),
    usageRule(path),
    keyRule(leaf),
  ];
  return { ...appraisalOf(checks), path };
}

function validityRule({ notBefore, notAfter }: Certificate, now: Date): Check {
  const words = {
    rule: 'tls.validity',
    expected: `from ${notBefore.toISOString()} to ${notAfter.toISOString()}`,
    found: Number.isNaN(now.getTime()) ? 'not a time' : now.toISOString(),
    source: `${RFC5280} section 4.1.2.5`,
  };
  if (now < notBefore) return failed(words, code('TLS_CERT_NOT_YET_VALID'), 'Look at the clock.');
  return decided(now <= notAfter, words, code('TLS_CERT_EXPIRED'));
}

async function chainRule(
  leaf: Certificate,
  sent: readonly Certificate[],
  { anchors, now }: TlsCertificateEvidence,
  validity: Check,
): Promise<{ check: Check; path: readonly Certificate[] }> {
  const rule = {
    rule: 'tls.chain',
    expected: 'each signed by the next, in date, up to a trust anchor',
    source: `${RFC5280} section 6`,
  };
  const others = sent.slice(0, MAX_SENT);
  const result = anchors ? await findPath(leaf, others, anchors, now) : undefined;
  if (result && 'path' in result) {
    const found = result.path.map(({ subject }) => formatName(subject)).join(' ← ');
    return { check: passed({ ...rule, found }), path: result.path };
  }
  const path = await assumedPath(leaf, others);
  if (!anchors) return { check: notChecked(rule, 'no trust anchors were given'), path };
  const error = result?.error;
  // That the leaf is out of date is said already.
  if (error?.chainIndex === 0 && validity.outcome === 'fail')
    return { check: notChecked(rule, 'the certificate itself is not valid at the time given'), path };
  if (error?.code === 'PLATFORM_LACKS_ALGORITHM') return { check: notChecked(rule, error.message), path };
  if (error) return { check: failed({ ...rule, found: error.message }, code('TLS_CHAIN_INVALID')), path };
  const found = `it leads to ${formatName(path.at(-1)!.issuer)}, which is none of ${anchors.length} trust anchors`;
  return { check: failed({ ...rule, found }, code('TLS_ROOT_UNTRUSTED')), path };
}

function nameRule(leaf: Certificate, hostname: string): Check {
  const rule = { rule: 'tls.name', expected: hostname, source: 'RFC 9525 section 6' };
  return whereReadable(rule, 'TLS_NAME_MISMATCH', () => {
    const names = subjectNames(leaf);
    const host = parseHost(hostname);
    const words = { ...rule, found: describeNames(names) };
    return decided(host !== undefined && isForHost(names, host), words, code('TLS_NAME_MISMATCH'));
  });
}

function constraintRule(path: readonly Certificate[]): Check {
  const rule = {
    rule: 'tls.name-constraints',
    expected: 'every authority may issue for the names below it',
    source: `${RFC5280} section 4.2.1.10`,
  };
  return whereReadable(rule, 'TLS_NAME_CONSTRAINT_UNSUPPORTED', () => {
    const failure = violatedConstraint(path);
    if (failure) return failed({ ...rule, found: failure.message }, code(failure.code));
    return passed({ ...rule, found: 'kept' });
  });
}

/** Absent usages restrict nothing (RFC 5280 section 4.2.1.12). The anchor's own are no matter: it was named. */
function usageRule(path: readonly Certificate[]): Check {
  const rule = {
    rule: 'tls.usage',
    expected: 'for TLS servers, and the key for signatures',
    source: `${RFC5280} sections 4.2.1.3 and 4.2.1.12`,
  };
  return whereReadable(rule, 'TLS_USAGE_INVALID', () => {
    const issued = path.length === 1 ? path : path.slice(0, -1);
    const other = issued.find(({ extensions }) => {
      const usages = extendedKeyUsage(extensions);
      return usages && !usages.includes(SERVER_AUTH) && !usages.includes(ANY_USAGE);
    });
    if (other)
      return failed(
        { ...rule, found: `${formatName(other.subject)} is not for TLS servers` },
        code('TLS_USAGE_INVALID'),
      );
    const maySign = hasKeyUsage(path[0]!.extensions, 'digitalSignature') !== false;
    const found = maySign ? 'for TLS servers' : 'the key is not for signatures';
    return decided(maySign, { ...rule, found }, code('TLS_USAGE_INVALID'));
  });
}

function keyRule({ publicKey }: Certificate): Check {
  const isGood =
    publicKey.kind === 'ec' ||
    publicKey.kind === 'ed25519' ||
    (publicKey.kind === 'rsa' && publicKey.modulusBits >= MIN_RSA_BITS);
  return decided(
    isGood,
    {
      rule: 'tls.key',
      expected: `EC on P-256, P-384 or P-521, Ed25519, or RSA of ${MIN_RSA_BITS} bits and more`,
      found: describeKey(publicKey),
      source: 'CA/Browser Forum Baseline Requirements section 6.1.5',
    },
    code('TLS_KEY_UNSUPPORTED'),
  );
}

/** An extension that cannot be read fails the rule that needs it. */
function whereReadable(
  rule: { readonly rule: string; readonly expected: string; readonly source: string },
  failure: TlsCode,
  judge: () => Check,
): Check {
  try {
    return judge();
  } catch (error) {
    if (error instanceof BytesError) return failed({ ...rule, found: error.message }, failure);
    throw error;
  }
}

/** Holds the rules to the list of codes. */
function code(name: TlsCode): TlsCode {
  return name;
}
