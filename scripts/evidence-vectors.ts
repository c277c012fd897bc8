/**
 * Writes docs/vectors/evidence-document: documents good and bad, the same at each run. Their evidence is of the right
 * size with REPORTDATA in its place, and signed by nobody: what is tested is the document.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { decodeUtf8, fromBase64, sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { type Attest, type VitrineDocumentRequest, writeVitrineDocument } from '@vitrine/simtee';

export interface EvidenceVector {
  readonly title: string;
  /** The document's text. */
  readonly document: string;
  readonly expect: EvidenceExpectation;
}

export type EvidenceExpectation =
  | { readonly error: 'DOCUMENT_MALFORMED'; readonly about: string }
  | {
      /** REPORTDATA as section 5 computes it, hexadecimal. */
      readonly report_data: string;
      /** REPORTDATA of the evidence is the same. */
      readonly bound: boolean;
      readonly nonce: string;
      readonly platform: string;
      readonly tls_spki_sha256: string;
      /** "" where there is none. */
      readonly hpke_x25519: string;
      /** Ids, separated by a space. */
      readonly devices: string;
      /** SHA-256 of the deployment file, "" where there is none. */
      readonly deployment_sha256: string;
    };

type Json = Record<string, unknown>;

const nonce = Uint8Array.from({ length: 32 }, (_, at) => at);
const deployment = utf8('{"cmdline":"ro","hashes":{}}');

const snp: Attest = (reportData) => {
  const report = new Uint8Array(1184);
  report[0] = 5;
  report.set(reportData, 0x50);
  return { platform: 'sev-snp', report };
};
const tdx: Attest = (reportData) => {
  const quote = new Uint8Array(636);
  quote.set([4, 0, 2, 0, 0x81]);
  quote.set(reportData, 568);
  return {
    platform: 'tdx',
    quote,
    collateral: { tcbInfo: utf8('{}'), tcbInfoIssuerChain: utf8('-----'), rootCrl: Uint8Array.of(0x30, 0) },
    eventLog: Uint8Array.of(1, 2, 3),
  };
};
const device = (id: string): NonNullable<VitrineDocumentRequest['devices']>[number] => ({
  id,
  kind: id.startsWith('gpu') ? 'gpu' : 'switch',
  report: utf8(`report of ${id}`),
  chain: [Uint8Array.of(0x30, 0x00)],
});

async function requests(): Promise<
  Readonly<Record<string, readonly [title: string, VitrineDocumentRequest]>>
> {
  const keys = { tlsSpkiSha256: await sha256(utf8('TLS')), hpkePublicKey: await sha256(utf8('HPKE')) };
  const bare = { nonce, keys, attest: snp };
  const release = { repository: 'acme/chat', tag: 'v1.0.0', deployment, bundles: [utf8('{}')] };
  const endorsed = {
    ...device('gpu0'),
    driverRim: utf8('<driver/>'),
    vbiosRim: utf8('<vbios/>'),
    ocspResponses: [Uint8Array.of(0x30, 0x00)],
  };
  return {
    snp_smallest: [
      'SEV-SNP, one key, nothing that may be left out',
      { ...bare, keys: { tlsSpkiSha256: keys.tlsSpkiSha256 } },
    ],
    snp_with_release: ['SEV-SNP with the release that it was started from', { ...bare, release }],
    snp_with_devices: [
      'SEV-SNP with two GPUs and a switch, one of them with its endorsements',
      { ...bare, devices: [endorsed, device('gpu1'), device('nvswitch0')] },
    ],
    snp_with_launch: [
      'SEV-SNP with what it says it was launched with',
      { ...bare, launch: { cmdline: 'ro', vcpus: 2 } },
    ],
    snp_with_other_keys: [
      'SEV-SNP with an attested key of a program',
      { ...bare, keys: { ...keys, others: { receipts: Uint8Array.of(0x30, 0x00) } } },
    ],
    tdx_with_collateral: ['TDX with part of its collateral and an event log', { ...bare, attest: tdx }],
    unbound_other_nonce: [
      'Well-formed, but the evidence was made over another nonce',
      { ...bare, defects: { attestedNonce: new Uint8Array(32) } },
    ],
    unbound_keys_respelled: [
      'Well-formed, but the keys were written again with a space: other bytes, another hash',
      { ...bare, defects: { keys: utf8(`{"tls": {"spki_sha256":"${toHex(keys.tlsSpkiSha256)}"}}`) } },
    ],
    unbound_devices_removed: [
      'Well-formed, but the device that was attested was taken out',
      { ...bare, devices: [device('gpu0')], defects: { devices: utf8('{"devices":[]}') } },
    ],
  };
}

/** What is changed in `snp_with_devices`, and the word that a refusal must say. */
const damages: Readonly<
  Record<string, readonly [title: string, about: string, change: (document: Json) => void]>
> = {
  format_unknown: ['Another version', 'format', (it) => (it['format'] = 'vitrine-evidence/v2')],
  member_unknown: [
    'A member that the specification does not have',
    'signature',
    (it) => (it['signature'] = ''),
  ],
  nonce_missing: ['No nonce', 'nonce', (it) => delete it['nonce']],
  nonce_short: ['A nonce of 31 bytes', 'nonce', (it) => (it['nonce'] = '00'.repeat(31))],
  nonce_upper_case: ['A nonce in upper-case digits', 'nonce', (it) => (it['nonce'] = 'AB'.repeat(32))],
  report_short: [
    'A report of 1183 bytes',
    'report',
    (it) => ((it['cpu'] as Json)['report'] = toBase64(new Uint8Array(1183))),
  ],
  report_long: [
    'A report of 1185 bytes',
    'report',
    (it) => ((it['cpu'] as Json)['report'] = toBase64(new Uint8Array(1185))),
  ],
  platform_unknown: [
    'A platform that the specification does not have',
    'platform',
    (it) => ((it['cpu'] as Json)['platform'] = 'sgx'),
  ],
  keys_not_base64: ['Keys as an object', 'keys', (it) => (it['keys'] = {})],
  keys_base64_unpadded: ['Keys in base64 without its padding', 'keys', (it) => (it['keys'] = 'e30')],
  keys_base64_loose_bits: [
    'Keys in base64 whose unused bits are not zero',
    'keys',
    (it) => (it['keys'] = 'e31='),
  ],
  keys_not_json: ['Keys that are no JSON', 'keys', (it) => (it['keys'] = toBase64(utf8('{')))],
  keys_name_twice: [
    'A name twice in the keys',
    'keys',
    (it) => (it['keys'] = toBase64(utf8('{"tls":{},"tls":{}}'))),
  ],
  keys_without_tls: ['Keys without a TLS key', 'tls', (it) => (it['keys'] = toBase64(utf8('{}')))],
  device_id_twice: [
    'Two devices of one id',
    'gpu0',
    (it) => {
      inside(it, 'devices', (inner) => ((inner['devices'] as Json[])[1]!['id'] = 'gpu0'));
    },
  ],
  device_kind_unknown: [
    'A device of another kind',
    'kind',
    (it) => {
      inside(it, 'devices', (inner) => ((inner['devices'] as Json[])[0]!['kind'] = 'nic'));
    },
  ],
  endorsement_without_device: [
    'Endorsements of a device that is not there',
    'gpu7',
    (it) => ((it['device_endorsements'] as Json)['gpu7'] = {}),
  ],
  repository_is_url: [
    'A repository as a URL',
    'repository',
    (it) => (it['deployment'] = { repository: 'https://example.org/a/b' }),
  ],
  null_part: ['null where a part may be left out', 'deployment', (it) => (it['deployment'] = null)],
};

function inside(document: Json, part: 'keys' | 'devices', change: (inner: Json) => void): void {
  const inner = JSON.parse(decodeUtf8(fromBase64(document[part] as string))) as Json;
  change(inner);
  document[part] = toBase64(utf8(JSON.stringify(inner)));
}

/** By file name, without its ending. */
export async function evidenceVectors(): Promise<ReadonlyMap<string, EvidenceVector>> {
  const vectors = new Map<string, EvidenceVector>();
  const all = await requests();
  for (const [name, [title, request]] of Object.entries(all)) {
    const document = decodeUtf8(await writeVitrineDocument(request));
    const honest = decodeUtf8(await writeVitrineDocument({ ...request, defects: {} }));
    vectors.set(name, { title, document, expect: await expectation(document, honest) });
  }
  const base = vectors.get('snp_with_devices')!.document;
  for (const [name, [title, about, change]] of Object.entries(damages)) {
    const document = JSON.parse(base) as Json;
    change(document);
    vectors.set(`bad_${name}`, {
      title,
      document: JSON.stringify(document),
      expect: { error: 'DOCUMENT_MALFORMED', about },
    });
  }
  const texts = {
    bad_member_twice: ['A member twice', base.replace('{', '{"nonce":"",'), 'nonce'],
    bad_trailing_text: ['Something behind the end', `${base}{}`, 'end'],
    bad_not_an_object: ['A list', '[]', 'object'],
    bad_comment: ['A comment, which JSON does not have', base.replace('{', '{/* */'), 'member'],
  } as const;
  for (const [name, [title, document, about]] of Object.entries(texts))
    vectors.set(name, { title, document, expect: { error: 'DOCUMENT_MALFORMED', about } });
  return vectors;
}

/** Computed here from the document's text by another way than the reader's, so that the two check each other. */
async function expectation(text: string, honest: string): Promise<EvidenceExpectation> {
  const document = JSON.parse(text) as {
    nonce: string;
    keys: string;
    devices: string;
    cpu: Json;
    deployment?: { file: string };
  };
  const part = async (base64: string): Promise<Buffer> =>
    Buffer.from(await sha256(Buffer.from(base64, 'base64')));
  const hashed = Buffer.concat([
    Buffer.from('vitrine attestation v1', 'ascii'),
    Buffer.from(document.nonce, 'hex'),
    await part(document.keys),
    await part(document.devices),
  ]);
  const reportData = Buffer.from(await crypto.subtle.digest('SHA-512', hashed)).toString('hex');
  const keys = JSON.parse(Buffer.from(document.keys, 'base64').toString()) as {
    tls: { spki_sha256: string };
    hpke?: { x25519: string };
  };
  const { devices } = JSON.parse(Buffer.from(document.devices, 'base64').toString()) as {
    devices: { id: string }[];
  };
  return {
    report_data: reportData,
    bound: text === honest,
    nonce: document.nonce,
    platform: document.cpu['platform'] as string,
    tls_spki_sha256: keys.tls.spki_sha256,
    hpke_x25519: keys.hpke?.x25519 ?? '',
    devices: devices.map(({ id }) => id).join(' '),
    deployment_sha256: document.deployment
      ? toHex(await sha256(Buffer.from(document.deployment.file, 'base64')))
      : '',
  };
}

export const evidenceVectorFolder = new URL('../docs/vectors/evidence-document/', import.meta.url);

export function vectorText(vector: EvidenceVector): string {
  return `${JSON.stringify(vector, null, 2)}\n`;
}

if (import.meta.main) {
  mkdirSync(evidenceVectorFolder, { recursive: true });
  for (const name of readdirSync(evidenceVectorFolder)) rmSync(new URL(name, evidenceVectorFolder));
  for (const [name, vector] of await evidenceVectors())
    writeFileSync(new URL(`${name}.json`, evidenceVectorFolder), vectorText(vector));
}
