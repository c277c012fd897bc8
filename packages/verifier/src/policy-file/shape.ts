/** The keys of a policy file: one table that the parser, the writer and the JSON Schema are made of. */
import type { ChannelPolicy, VerificationPolicy } from '../policy.ts';
import { code, measurements } from './code-keys.ts';
import { defaultPolicy } from './default.ts';
import { type Form, describe, flag, integer, list, orWord, refused } from './form.ts';
import { devices, freshness, hardware } from './runtime-keys.ts';
import { section } from './section.ts';
import { domain, policyName } from './values.ts';

/** What a file says: the policy without the file's own hash. */
export type PolicyFile = { readonly version: 1 } & Omit<VerificationPolicy, 'sha256'>;

const defaults = defaultPolicy();

const version: Form<1> = {
  expected: '1, the version of this format',
  schema: { const: 1 },
  read: (node) => {
    if (node.kind === 'scalar' && node.text === '1' && !node.isQuoted) return 1;
    const isQuoted = node.kind === 'scalar' && node.isQuoted;
    const advice = isQuoted ? 'Write it without quotes.' : 'A newer verifier may read the file.';
    throw refused(node.place, version.expected, describe(node), advice);
  },
  write: String,
};

const ct = section<ChannelPolicy['ct']>('rules for certificate transparency', {
  required: {
    key: 'required',
    form: flag,
    comment: "Public logs must have promised to show the server's certificate.",
    absent: { value: defaults.channel.ct.required },
  },
  minimumOperators: {
    key: 'minimum-operators',
    form: integer(0, 10),
    comment: 'So many different operators of logs.',
    absent: { value: defaults.channel.ct.minimumOperators },
  },
  requireInclusion: {
    key: 'require-inclusion',
    form: flag,
    comment: 'A log must have proved that it holds the certificate, not only promised.',
    absent: { value: defaults.channel.ct.requireInclusion },
  },
});

const channel = section<ChannelPolicy>('rules for the connection', {
  domains: {
    key: 'domains',
    form: orWord('endpoint', list(domain, { minimum: 1, maximum: 100, identity: String })),
    comment: 'Names that the certificate may be for. endpoint: the host that was asked for.',
    absent: { value: defaults.channel.domains },
  },
  requireAttestedTlsKey: {
    key: 'require-attested-tls-key',
    form: flag,
    comment: "The connection's key must be the one in the evidence.",
    absent: { value: defaults.channel.requireAttestedTlsKey },
  },
  requireTrustedChain: {
    key: 'require-trusted-chain',
    form: flag,
    comment: 'The certificate must lead to a root of the web, and be in date.',
    absent: { value: defaults.channel.requireTrustedChain },
  },
  ct: { key: 'ct', form: ct, comment: 'Certificate transparency (RFC 6962).' },
});

export const policyShape = section<PolicyFile>('a policy', {
  version: { key: 'version', form: version, comment: 'Of this format. The first key.' },
  name: { key: 'name', form: policyName, comment: 'Stands in every result that was made by this policy.' },
  hardware: { key: 'hardware', form: hardware, comment: 'Which processors, in which state.' },
  devices: { key: 'devices', form: devices, comment: 'Which GPUs.' },
  code: { key: 'code', form: code, comment: 'Who built what runs.' },
  measurements: { key: 'measurements', form: measurements, comment: 'What runs.' },
  freshness: { key: 'freshness', form: freshness, comment: 'How recent it must be.' },
  channel: { key: 'channel', form: channel, comment: 'Who is at the other end of the connection.' },
});
