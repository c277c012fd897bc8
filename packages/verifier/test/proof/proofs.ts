/** Proofs for tests, and damage to what was written of them. */
import { sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { type Proof, writeProof } from '../../src/index.ts';

const policy = utf8('name: example\n');

/** Nothing answered. */
export const emptyProof: Proof = {
  endpoint: 'https://inference.example.org',
  repository: null,
  requestedDialect: null,
  dialect: null,
  gatheredAt: new Date('2026-11-25T18:00:00.000Z'),
  nonce: Uint8Array.from({ length: 32 }, (_, at) => at),
  policy,
  connection: null,
  answers: [],
  memory: null,
};

/** Everything that a proof may hold. */
export const fullProof: Proof = {
  ...emptyProof,
  repository: 'owner/name',
  requestedDialect: 'tinfoil',
  dialect: 'tinfoil',
  gatheredAt: new Date('2026-11-25T18:00:00.123Z'),
  connection: {
    host: 'inference.example.org',
    port: 8443,
    certificates: [Uint8Array.of(0x30, 3, 2, 1, 1), Uint8Array.of(0x30, 3, 2, 1, 2)],
  },
  answers: [
    {
      request: {
        kind: 'endpoint-document',
        url: 'https://inference.example.org/.well-known/tinfoil-attestation',
      },
      answer: { ok: true, bytes: utf8('{"format":"…"}') },
    },
    {
      request: {
        kind: 'intel-tcb-info',
        url: 'https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=00',
      },
      answer: {
        ok: true,
        bytes: utf8('{}'),
        headers: { 'tcb-info-issuer-chain': '-----BEGIN%20CERTIFICATE-----' },
      },
    },
    {
      request: { kind: 'nvidia-ocsp', url: 'http://ocsp.ndis.nvidia.com/', body: Uint8Array.of(1) },
      answer: { ok: true, bytes: Uint8Array.of(0x30, 0) },
    },
    {
      request: { kind: 'nvidia-ocsp', url: 'http://ocsp.ndis.nvidia.com/', body: Uint8Array.of(2) },
      answer: { ok: true, bytes: Uint8Array.of(0x30, 0) },
    },
    {
      request: { kind: 'amd-crl', url: 'https://kdsintf.amd.com/vcek/v1/Genoa/crl' },
      answer: { ok: false, code: 'HTTP_STATUS', message: "AMD's revocation list: status 503.", status: 503 },
    },
    {
      request: { kind: 'ct-log-list', url: 'https://www.gstatic.com/ct/log_list/v3/log_list.json' },
      answer: { ok: false, code: 'OFFLINE', message: 'Offline.' },
    },
    {
      request: {
        kind: 'release-asset',
        url: 'https://github.com/owner/name/releases/download/v2/tinfoil.hash',
      },
      answer: { ok: true, bytes: new Uint8Array(0) },
    },
  ],
  memory: {
    service: 'owner/name',
    entries: [
      { tag: 'v2', digest: 'ab'.repeat(32), loggedAtUnix: 1764000000 },
      { tag: null, digest: '01'.repeat(32), loggedAtUnix: null },
    ],
  },
};

const part = utf8('initrd');
const partDigest = toHex(await sha256(part));

/** A boot part is among the answers. */
export const proofWithPart: Proof = {
  ...fullProof,
  answers: [
    ...fullProof.answers,
    { request: { kind: 'boot-part', url: `sha256:${partDigest}` }, answer: { ok: true, bytes: part } },
  ],
};

/** The JSON of a proof, to be changed. */
export interface WrittenProof {
  [name: string]: unknown;
  connection: { [name: string]: unknown; certificates: string[] };
  answers: Record<string, unknown>[];
  memory: { [name: string]: unknown; entries: Record<string, unknown>[] };
  blobs: Record<string, string>;
}

export async function written(proof = fullProof): Promise<WrittenProof> {
  return JSON.parse(new TextDecoder().decode(await writeProof(proof))) as WrittenProof;
}

/** What is wrong: a JSON that is none, one of another shape (which the schema refuses too), or one that contradicts itself. */
export type DamageKind = 'json' | 'shape' | 'meaning';

export interface Damage {
  readonly name: string;
  readonly why: string;
  readonly kind: DamageKind;
  readonly bytes: Uint8Array;
}

type Edit = (proof: WrittenProof) => unknown;

const edits: Readonly<Record<string, readonly [why: string, kind: DamageKind, edit: Edit]>> = {
  format_later: ['A format that is not known', 'shape', (p) => (p['format'] = 'vitrine-proof/v2')],
  format_missing: ['No format', 'shape', (p) => delete p['format']],
  member_unknown: ['A member that the format does not have', 'shape', (p) => (p['verdict'] = 'verified')],
  member_missing: ['No endpoint', 'shape', (p) => delete p['endpoint']],
  memory_missing: [
    'No memory: where there is none it is null',
    'shape',
    (p) => delete (p as Partial<WrittenProof>).memory,
  ],
  endpoint_empty: ['An endpoint without a character', 'shape', (p) => (p['endpoint'] = '')],
  endpoint_number: ['An endpoint that is no text', 'shape', (p) => (p['endpoint'] = 1)],
  endpoint_escape: [
    'An endpoint that moves the cursor of a terminal',
    'shape',
    (p) => (p['endpoint'] = 'https://evil.example/\u001b[2K\u001b[1Ghttps://good.example'),
  ],
  answer_message_escape: [
    'A sentence with a line break',
    'shape',
    (p) => (p.answers[4]!['message'] = 'No.\nverified'),
  ],
  header_line_break: [
    'A header with a line break',
    'shape',
    (p) => (p.answers[1]!['headers'] = { a: 'b\r\nc: d' }),
  ],
  memory_tag_escape: [
    'A tag with a control character',
    'shape',
    (p) => (p.memory.entries[0]!['tag'] = 'v2\u0085'),
  ],
  repository_empty: ['A repository without a character', 'shape', (p) => (p['repository'] = '')],
  dialect_unknown: ['A dialect that is not known', 'shape', (p) => (p['dialect'] = 'other')],
  requested_dialect_case: ['A dialect in capitals', 'shape', (p) => (p['requestedDialect'] = 'Tinfoil')],
  time_without_milliseconds: [
    'A time of another form',
    'shape',
    (p) => (p['gatheredAt'] = '2026-11-25T18:00:00Z'),
  ],
  time_with_microseconds: [
    'A time finer than it is kept',
    'shape',
    (p) => (p['gatheredAt'] = '2026-11-25T18:00:00.123456Z'),
  ],
  time_with_offset: [
    'A time that is not in UTC',
    'shape',
    (p) => (p['gatheredAt'] = '2026-11-25T18:00:00.000+01:00'),
  ],
  time_of_no_day: ['The 30th of February', 'meaning', (p) => (p['gatheredAt'] = '2026-02-30T18:00:00.000Z')],
  nonce_short: ['A nonce of 31 bytes', 'shape', (p) => (p['nonce'] = '00'.repeat(31))],
  nonce_upper_case: ['A nonce in capitals', 'shape', (p) => (p['nonce'] = 'AB'.repeat(32))],
  nonce_null: ['No nonce', 'shape', (p) => (p['nonce'] = null)],
  policy_text: ['A policy that is no reference', 'shape', (p) => (p['policy'] = 'name: example')],
  port_zero: ['Port 0', 'shape', (p) => (p.connection['port'] = 0)],
  port_too_high: ['Port 65536', 'shape', (p) => (p.connection['port'] = 65536)],
  port_text: ['A port as text', 'shape', (p) => (p.connection['port'] = '443')],
  host_missing: ['A connection to nobody', 'shape', (p) => delete p.connection['host']],
  connection_member_unknown: [
    'A member that a connection does not have',
    'shape',
    (p) => (p.connection['verified'] = true),
  ],
  certificates_none: [
    'A connection that showed no certificate',
    'shape',
    (p) => p.connection.certificates.splice(0),
  ],
  certificates_too_many: [
    '17 certificates',
    'shape',
    (p) => (p.connection.certificates = Array<string>(17).fill(p.connection.certificates[0]!)),
  ],
  answer_kind_unknown: [
    'A kind of resource that is not known',
    'shape',
    (p) => (p.answers[0]!['kind'] = 'other'),
  ],
  answer_without_url: ['A resource without an address', 'shape', (p) => delete p.answers[0]!['url']],
  answer_twice: ['The same resource twice', 'meaning', (p) => p.answers.push(p.answers[0]!)],
  answer_twice_differently: [
    'The same resource with two answers',
    'meaning',
    (p) => p.answers.push({ ...p.answers[0]!, bytes: p.answers[2]!['bytes'] }),
  ],
  answer_good_and_bad: [
    'Bytes and a code',
    'shape',
    (p) => Object.assign(p.answers[0]!, { code: 'OFFLINE', message: 'x' }),
  ],
  answer_neither: ['Neither bytes nor a code', 'shape', (p) => delete p.answers[0]!['bytes']],
  answer_code_unknown: [
    'A code that is not known',
    'shape',
    (p) => (p.answers[4]!['code'] = 'DOCUMENT_MALFORMED'),
  ],
  answer_code_of_objects: [
    'A code named like a property of objects',
    'shape',
    (p) => (p.answers[4]!['code'] = 'constructor'),
  ],
  answer_without_message: ['A failure without a sentence', 'shape', (p) => delete p.answers[4]!['message']],
  answer_status_impossible: ['Status 1000', 'shape', (p) => (p.answers[4]!['status'] = 1000)],
  answer_failure_with_headers: [
    'Headers of a failure',
    'shape',
    (p) => (p.answers[4]!['headers'] = { a: 'b' }),
  ],
  answer_member_unknown: [
    'A member that an answer does not have',
    'shape',
    (p) => (p.answers[0]!['cached'] = true),
  ],
  beside_empty: ['A part without a byte', 'shape', (p) => p.answers.push({ ...beside(), besideBytes: 0 })],
  beside_too_large: [
    'A part of a byte more than parts may have',
    'shape',
    (p) => p.answers.push({ ...beside(), besideBytes: 536870913 }),
  ],
  beside_other_kind: [
    'Something else than a boot part beside the file',
    'shape',
    (p) => p.answers.push({ ...beside(), kind: 'endpoint-document' }),
  ],
  beside_path: [
    'A part whose name is a path',
    'shape',
    (p) => p.answers.push({ ...beside(), url: 'sha256:../../etc/passwd' }),
  ],
  beside_name_upper_case: [
    'A part whose SHA-256 is in capitals',
    'shape',
    (p) => p.answers.push({ ...beside(), url: `sha256:${'AB'.repeat(32)}` }),
  ],
  beside_and_within: [
    'A part beside the file and in it',
    'shape',
    (p) => p.answers.push({ ...beside(), bytes: p['policy'] }),
  ],
  beside_with_body: [
    'A part that something was posted for',
    'shape',
    (p) => p.answers.push({ ...beside(), body: p['policy'] }),
  ],
  beside_twice: ['The same part twice', 'meaning', (p) => p.answers.push(beside(), beside())],
  beside_too_many: [
    '17 parts',
    'meaning',
    (p) => p.answers.push(...Array.from({ length: 17 }, (_, at) => beside(at))),
  ],
  headers_none: ['Headers without a header', 'shape', (p) => (p.answers[1]!['headers'] = {})],
  header_upper_case: [
    'The name of a header in capitals',
    'shape',
    (p) => (p.answers[1]!['headers'] = { 'TCB-Info': 'x' }),
  ],
  header_number: ['A header that is no text', 'shape', (p) => (p.answers[1]!['headers'] = { a: 1 })],
  body_reference_missing: [
    'A body that is nowhere',
    'meaning',
    (p) => (p.answers[2]!['body'] = '0'.repeat(64)),
  ],
  bytes_reference_missing: [
    'An answer that is nowhere',
    'meaning',
    (p) => (p.answers[0]!['bytes'] = 'f'.repeat(64)),
  ],
  bytes_reference_case: [
    'A reference in capitals',
    'shape',
    (p) => (p.answers[0]!['bytes'] = (p.answers[0]!['bytes'] as string).toUpperCase()),
  ],
  blob_changed: [
    'A blob that is not what its SHA-256 says',
    'meaning',
    (p) => (p.blobs[p['policy'] as string] = toBase64(utf8('name: another\n'))),
  ],
  blob_unused: [
    'A blob that nothing refers to',
    'meaning',
    async (p) => (p.blobs[toHex(await sha256(utf8('more')))] = toBase64(utf8('more'))),
  ],
  blob_name_upper_case: [
    'A SHA-256 in capitals',
    'shape',
    (p) => {
      const digest = p['policy'] as string;
      const renamed = Object.entries(p.blobs).map(([name, body]) => [
        name === digest ? name.toUpperCase() : name,
        body,
      ]);
      p.blobs = Object.fromEntries(renamed) as Record<string, string>;
      p['policy'] = digest.toUpperCase();
    },
  ],
  blob_without_padding: [
    'Base64 without its padding',
    'shape',
    (p) => edited(p, (text) => text.replace(/=+$/, '')),
  ],
  blob_with_spare_bits: [
    'Base64 whose unused bits are not zero',
    'meaning',
    (p) => edited(p, (text) => text.replace(/A==$/, 'B==').replace(/o=$/, 'p=')),
  ],
  blob_with_white_space: [
    'Base64 with a line break',
    'shape',
    (p) => edited(p, (text) => `${text.slice(0, 4)}\n${text.slice(4)}`),
  ],
  blob_url_alphabet: ['Base64 of URLs', 'shape', (p) => edited(p, (text) => `-_${text.slice(2)}`)],
  memory_without_service: ['Releases of nobody', 'shape', (p) => delete p.memory['service']],
  memory_member_unknown: [
    'A member that a memory does not have',
    'shape',
    (p) => (p.memory['trusted'] = true),
  ],
  memory_digest_short: [
    'A digest of 31 bytes',
    'shape',
    (p) => (p.memory.entries[0]!['digest'] = 'ab'.repeat(31)),
  ],
  memory_time_negative: [
    'A release from before 1970',
    'shape',
    (p) => (p.memory.entries[0]!['loggedAtUnix'] = -1),
  ],
  memory_time_broken: ['Half a second', 'shape', (p) => (p.memory.entries[0]!['loggedAtUnix'] = 0.5)],
  memory_tag_empty: ['A tag without a character', 'shape', (p) => (p.memory.entries[0]!['tag'] = '')],
};

function beside(index = 0): Record<string, unknown> {
  return { kind: 'boot-part', url: `sha256:${String(index).padStart(64, '0')}`, besideBytes: 1 };
}

function edited(proof: WrittenProof, edit: (base64: string) => string): void {
  const digest = proof['policy'] as string;
  proof.blobs[digest] = edit(proof.blobs[digest]!);
}

const textEdits: Readonly<Record<string, readonly [why: string, edit: (text: string) => string]>> = {
  json_truncated: ['It ends early', (text) => text.slice(0, -10)],
  json_empty: ['Nothing', () => ''],
  json_trailing: ['Something follows', (text) => `${text}{}`],
  json_byte_order_mark: ['A byte order mark in front', (text) => `\ufeff${text}`],
  json_array: ['A list', () => '[]'],
  json_null: ['null', () => 'null'],
  json_duplicate_member: [
    'A member twice',
    (text) => text.replace('{', '{"endpoint":"https://other.example",'),
  ],
  json_duplicate_escaped: [
    'A member twice, once escaped',
    (text) => text.replace('{', '{"\\u0065ndpoint":"https://other.example",'),
  ],
  json_comment: ['A comment', (text) => text.replace('{', '{/* good */')],
  json_number_unsafe: [
    'A number that no double holds',
    (text) => text.replace('1764000000', '17640000000000000001'),
  ],
};

/** Every proof that must be refused, each by its own damage. */
export async function damages(): Promise<Damage[]> {
  const edited = await Promise.all(
    Object.entries(edits).map(async ([name, [why, kind, edit]]) => {
      const proof = await written();
      await edit(proof);
      return { name, why, kind, bytes: utf8(`${JSON.stringify(proof, null, 1)}\n`) };
    }),
  );
  const text = new TextDecoder().decode(await writeProof(fullProof));
  const broken = Object.entries(textEdits).map(([name, [why, edit]]) => ({
    name,
    why,
    kind: 'json' as const,
    bytes: utf8(edit(text)),
  }));
  return [...edited, ...broken];
}

export interface GoodFile {
  readonly name: string;
  readonly why: string;
  readonly bytes: Uint8Array;
  /** These are the bytes that `writeProof` makes of it. */
  readonly isCanonical: boolean;
}

export async function goodFiles(): Promise<GoodFile[]> {
  const canonical = async (name: string, why: string, proof: Proof): Promise<GoodFile> => ({
    name,
    why,
    bytes: await writeProof(proof),
    isCanonical: true,
  });
  const full = await written();
  const reversed = Object.fromEntries(Object.entries(full).reverse());
  return [
    await canonical('minimal', 'Nobody answered', emptyProof),
    await canonical('full', 'Everything that a proof may hold', fullProof),
    await canonical('policy_empty', 'A body without a byte', { ...emptyProof, policy: new Uint8Array(0) }),
    await canonical('text_beyond_ascii', 'Text beyond ASCII', {
      ...emptyProof,
      endpoint: 'https://bücher.example/“x”',
    }),
    {
      name: 'parts_beside',
      why: 'A boot part that stands beside the file',
      bytes: await writeProof(proofWithPart, { parts: new Map([[partDigest, part]]) }),
      isCanonical: false,
    },
    {
      name: 'other_order',
      why: 'Members in another order, without white space',
      bytes: utf8(JSON.stringify(reversed)),
      isCanonical: false,
    },
  ];
}
