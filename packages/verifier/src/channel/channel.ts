/** Group 4, the channel: the key of this very connection is the attested one, and its certificate is public. */
import { type Check, decided, notChecked } from '@vitrine/appraisal';
import { sha256, toHex } from '@vitrine/bytes';
import {
  appraiseCt,
  appraiseTlsCertificate,
  authenticateScts,
  decodeDcode,
  subjectNames,
} from '@vitrine/provenance';
import { type Certificate, parseCertificate, parsePemCertificates } from '@vitrine/x509';
import type { Context } from '../context.ts';
import { type Promised, promised, refused, unchecked } from '../promise.ts';
import { type Refusal, refusalOf } from '../refusal.ts';
import type { ResultCheck } from '../result.ts';
import type { AuthenticCpu } from '../runtime/runtime.ts';
import { checkInclusion } from './inclusion.ts';

export interface Channel {
  /** Of the certificate that was looked at. */
  readonly validUntil: readonly Date[];
  readonly trusted: readonly string[];
  readonly checks: readonly ResultCheck[];
}

const RFC6125 = 'RFC 9525';
const key: Promised = {
  rule: 'channel.key',
  title: 'The key of this very connection is the attested one',
  evidence: 'connection',
  expected: 'the TLS key that the processor signed for',
  source: 'RFC 8446 section 4.4.3',
};
const certificate: Promised = {
  rule: 'channel.certificate',
  title: 'The certificate is for this name, in date, and from a certification authority that is trusted',
  evidence: 'connection',
  expected: 'a chain to a trusted root, valid now, with this name',
  source: `RFC 5280, ${RFC6125}`,
};
const transparency: Promised = {
  rule: 'channel.transparency',
  title: 'The certificate is on public record',
  evidence: 'connection',
  expected: 'promises by logs of different operators',
  source: 'RFC 6962',
};

/** @param attested the processor's evidence, whose key the connection's must be: known later than the rest */
export async function checkChannel(
  context: Context,
  attested: Promise<AuthenticCpu | undefined>,
): Promise<Channel> {
  const shown = readCertificates(context);
  if ('reason' in shown) {
    const checks = [key, certificate, transparency].map((what) =>
      unchecked(required(what, context), shown.reason),
    );
    return { validUntil: [], trusted: [], checks };
  }
  if ('error' in shown) {
    const checks = [
      refused(certificate, shown.error),
      ...[key, transparency].map((what) =>
        unchecked(required(what, context), 'the certificate cannot be read'),
      ),
    ];
    return { validUntil: [], trusted: [], checks };
  }
  const { chain, isOfConnection } = shown;
  const leaf = chain[0]!;
  const [keyCheck, certificateChecks] = await Promise.all([
    attested.then((cpu) => checkKey(context, cpu, leaf, isOfConnection)),
    checkCertificates(context, chain),
  ]);
  return {
    validUntil: [leaf.notAfter],
    trusted: context.policy.channel.requireTrustedChain
      ? ['a public certification authority, for the name only']
      : [],
    checks: [keyCheck, ...certificateChecks, ...checkCommitments(context, leaf)],
  };
}

function required(what: Promised, { policy: { channel } }: Context): Promised {
  const isRequired = {
    [key.rule]: channel.requireAttestedTlsKey,
    [certificate.rule]: channel.requireTrustedChain,
    [transparency.rule]: channel.ct.required,
  }[what.rule];
  return { ...what, required: isRequired ?? true };
}

type Shown =
  | { readonly chain: readonly Certificate[]; readonly isOfConnection: boolean }
  | { readonly reason: string }
  | { readonly error: Refusal };

/** What the server showed; or, where the connection cannot be seen, what the document carries. */
function readCertificates({ connection, presented }: Context): Shown {
  try {
    if (connection && connection.certificates.length > 0)
      return {
        chain: connection.certificates.map((der, at) =>
          parseCertificate(der, `certificate ${at + 1} of the server`),
        ),
        isOfConnection: true,
      };
    if (!presented.certificate)
      return { reason: 'the connection cannot be seen from here, and the document carries no certificate' };
    return { chain: parseCarried(presented.certificate), isOfConnection: false };
  } catch (error) {
    return { error: refusalOf(error) };
  }
}

function parseCarried(bytes: Uint8Array): readonly Certificate[] {
  const DER_SEQUENCE = 0x30;
  return bytes[0] === DER_SEQUENCE
    ? [parseCertificate(bytes, 'certificate of the document')]
    : parsePemCertificates(new TextDecoder().decode(bytes), 'certificate of the document');
}

async function checkKey(
  context: Context,
  cpu: AuthenticCpu | undefined,
  leaf: Certificate,
  isOfConnection: boolean,
): Promise<ResultCheck> {
  const what = required(
    isOfConnection
      ? key
      : {
          ...key,
          title: 'The key of the certificate in the document is the attested one',
          evidence: 'document',
        },
    context,
  );
  if (!cpu) return unchecked(what, 'there is no authentic evidence that could attest a key');
  const { keys } = context.presented;
  const rules: Check[] = [];
  if (keys.tlsSpkiSha256 !== undefined) {
    const found = toHex(await sha256(leaf.subjectPublicKeyInfo));
    rules.push(
      decided(
        found === keys.tlsSpkiSha256,
        { rule: 'tls-key', expected: keys.tlsSpkiSha256, found, source: 'SHA-256 of SubjectPublicKeyInfo' },
        'TLS_KEY_MISMATCH',
        'somebody stands between you and the enclave, or the enclave was relaunched behind another certificate',
      ),
    );
  }
  if (keys.tlsCertificateSha256 !== undefined) {
    const found = toHex(await sha256(leaf.der));
    rules.push(
      decided(
        found === keys.tlsCertificateSha256,
        {
          rule: 'tls-certificate',
          expected: keys.tlsCertificateSha256,
          found,
          source: 'SHA-256 of the certificate',
        },
        'TLS_CERTIFICATE_MISMATCH',
        'somebody stands between you and the enclave, or its certificate was renewed without a new attestation',
      ),
    );
  }
  if (rules.length === 0) return unchecked(what, 'the evidence attests no TLS key');
  if (isOfConnection) return promised(what, rules, rules[0]!.found);
  // The document's own certificate is not what a client speaks to.
  const failure = rules.find(({ outcome }) => outcome === 'fail');
  if (failure) return promised(what, rules);
  return promised({ ...what, required: false }, rules, rules[0]!.found);
}

async function checkCertificates(
  context: Context,
  chain: readonly Certificate[],
): Promise<readonly ResultCheck[]> {
  const { anchors, now, policy, connection, endpoint } = context;
  const what = required(certificate, context);
  const hostname = connection?.host ?? hostOf(endpoint);
  if (hostname === undefined) {
    const reason = 'it is not known which name the certificate must be for';
    return [unchecked(what, reason), unchecked(required(transparency, context), reason)];
  }
  const { checks, path } = await appraiseTlsCertificate({ chain, hostname, anchors: anchors.tlsRoots, now });
  const domain = domainCheck(hostname, policy.channel.domains);
  const check = promised(what, [...domain, ...checks], hostname);
  return [check, ...(await checkTransparency(context, path))];
}

function domainCheck(hostname: string, domains: readonly string[] | null): Check[] {
  if (domains === null) return [];
  const matches = (pattern: string) =>
    pattern === hostname ||
    (pattern.startsWith('*.') &&
      hostname.endsWith(pattern.slice(1)) &&
      !hostname.slice(0, -pattern.length + 1).includes('.'));
  return [
    decided(
      domains.some(matches),
      {
        rule: 'policy.channel.domains',
        expected: domains.join(', '),
        found: hostname,
        source: 'policy, channel.domains',
      },
      'DOMAIN_NOT_ALLOWED',
    ),
  ];
}

function hostOf(endpoint: string): string | undefined {
  try {
    return new URL(endpoint).hostname;
  } catch {
    return undefined;
  }
}

/** @param path the leaf first; the second, which issued it, is part of what a log signed */
async function checkTransparency(
  context: Context,
  path: readonly Certificate[],
): Promise<readonly ResultCheck[]> {
  const { anchors, now, policy } = context;
  const what = required(transparency, context);
  if (anchors.ctLogs === null) return [unchecked(what, 'no list of logs was given')];
  const [leaf, issuer] = path;
  if (!leaf || !issuer)
    return [
      unchecked(
        what,
        'the certificate of the issuer was not sent: promises of logs cannot be verified without it',
      ),
    ];
  try {
    const authentic = await authenticateScts({ leaf, issuer, logList: anchors.ctLogs, now });
    const checks = appraiseCt(authentic, { minOperators: policy.channel.ct.minimumOperators });
    const names = authentic.scts.map(({ log }) => log?.description ?? 'a log that is not known');
    return [promised(what, checks, names.join(', ')), await checkInclusion(context, authentic)];
  } catch (error) {
    return [refused(what, refusalOf(error))];
  }
}

/** Tinfoil repeats what it attests in the certificate's names, so that logs record it. */
function checkCommitments({ presented }: Context, leaf: Certificate): readonly ResultCheck[] {
  const { hpkePublicKey } = presented.keys;
  const what: Promised = {
    rule: 'channel.commitments',
    title: 'What the certificate says of the attestation agrees with it',
    required: false,
    evidence: 'connection',
    expected: 'the attested HPKE key in the names of the certificate',
    source: 'Tinfoil, dcode names',
  };
  try {
    const committed = decodeDcode(subjectNames(leaf).dns, 'hpke');
    if (!committed) return [];
    if (hpkePublicKey === undefined)
      return [
        promised(what, [
          notChecked(
            { rule: 'dcode.hpke', expected: toHex(committed), source: what.source },
            'the evidence attests no HPKE key',
          ),
        ]),
      ];
    const rule = {
      rule: 'dcode.hpke',
      expected: hpkePublicKey,
      found: toHex(committed),
      source: what.source,
    };
    return [
      promised(
        what,
        [decided(hpkePublicKey === toHex(committed), rule, 'HPKE_COMMITMENT_MISMATCH')],
        'HPKE key',
      ),
    ];
  } catch (error) {
    return [refused(what, refusalOf(error))];
  }
}
