/** Blyss' `attestation.json`: made once at boot, byte strings as arrays of numbers, no nonce. */
import {
  type JsonNode,
  concatBytes,
  fromBase64,
  parseJson,
  parsePemBlocks,
  sha256,
  toHex,
} from '@vitrine/bytes';
import type { Presented, PresentedBinding, PresentedKeys, PresentedLaunch } from '../../presented.ts';
import { documentLimits, lowerHex, malformed, maybe, readDocument } from '../reading.ts';
import { readBlyssGpus } from './gpu.ts';
import { readBlyssReport } from './report.ts';

const what = 'Blyss attestation';
const SOURCE = 'Blyss attestation.json, report_data';
const MAX_VCEK_CHARACTERS = 64 * 1024;
const MAX_CMDLINE = 16 * 1024;
/** What Linux' EFI stub adds for itself; it is not measured. */
const STUB_SUFFIX = ' initrd=initrd';

/**
 * @param bytes the document as it came
 * @throws VerifierError DOCUMENT_MALFORMED
 */
export function parseBlyss(bytes: Uint8Array): Promise<Presented> {
  return readDocument(what, () => presentBlyss(parseJson(bytes, what, documentLimits)));
}

export async function presentBlyss(document: JsonNode): Promise<Presented> {
  document.onlyNames('cert_sha256_fingerprint', 'public_key', 'cpu_attestation', 'gpu_attestation');
  const cpu = document.get('cpu_attestation');
  const report = readBlyssReport(cpu);
  const { form, keys, binding } = await readKey(document);
  return {
    dialect: 'blyss',
    form,
    cpu: { platform: 'sev-snp', report, vcek: maybe(cpu, 'vcek', readVcek) },
    binding,
    keys,
    devices: { devices: maybe(document, 'gpu_attestation', readBlyssGpus) ?? [] },
    release: { bundles: [], platformBundles: [] },
    launch: maybe(cpu, 'launch', readLaunch) ?? {},
  };
}

interface BoundKey {
  readonly form: 'v1' | 'public-key';
  readonly keys: PresentedKeys;
  readonly binding: PresentedBinding;
}

/** The certificate's fingerprint; in the older shape a public key, whose digest takes the same place. */
async function readKey(document: JsonNode): Promise<BoundKey> {
  const fingerprint = document.optional('cert_sha256_fingerprint');
  const publicKey = document.optional('public_key');
  if (fingerprint && publicKey) throw malformed(document.path, 'a fingerprint or a public key', 'both');
  if (publicKey) return readPublicKey(publicKey);
  const tlsCertificateSha256 = lowerHex(document.get('cert_sha256_fingerprint'), 32);
  const digest = document.get('cert_sha256_fingerprint').hex(32);
  return {
    form: 'v1',
    keys: { tlsCertificateSha256, others: {} },
    binding: bindingOf(digest, 'SHA-256(TLS certificate) ‖ zeros'),
  };
}

async function readPublicKey(node: JsonNode): Promise<BoundKey> {
  const [spki, second] = parsePemBlocks(node.string(), 'PUBLIC KEY', node.path);
  if (!spki || second) throw malformed(node.path, 'one public key', 'several');
  const digest = await sha256(spki);
  return {
    form: 'public-key',
    keys: { tlsSpkiSha256: toHex(digest), others: {} },
    binding: bindingOf(digest, 'SHA-256(public key) ‖ zeros'),
  };
}

function bindingOf(digest: Uint8Array, rule: string): PresentedBinding {
  return {
    expectedReportData: concatBytes(digest, new Uint8Array(32)),
    rule,
    source: SOURCE,
    coversDevices: false,
  };
}

/** DER in base64, which Blyss writes without padding. */
function readVcek(node: JsonNode): Uint8Array {
  const text = node.string();
  if (text.length === 0 || text.length > MAX_VCEK_CHARACTERS)
    throw malformed(node.path, `1 to ${MAX_VCEK_CHARACTERS} characters`, `${text.length}`);
  return fromBase64(text.padEnd(Math.ceil(text.length / 4) * 4, '='), node.path);
}

/** The command line without the loader's own word. It is not repeated in messages: some hold credentials. */
function readLaunch(launch: JsonNode): PresentedLaunch {
  launch.onlyNames('kernel_cli', 'num_vcpus');
  const cli = launch.get('kernel_cli');
  const text = cli.string();
  if (text.length > MAX_CMDLINE || !/^[\x20-\x7e]*$/.test(text))
    throw malformed(
      cli.path,
      `at most ${MAX_CMDLINE} printable ASCII characters`,
      `${text.length} characters, or others`,
    );
  return {
    cmdline: text.endsWith(STUB_SUFFIX) ? text.slice(0, -STUB_SUFFIX.length) : text,
    vcpus: launch.get('num_vcpus').integer(1, 4096),
  };
}
