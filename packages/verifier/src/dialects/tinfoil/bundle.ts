/** Tinfoil's single-request bundle: a v2 document with signature, endorsement and certificate around it. */
import { type JsonNode, parseJson, parsePemBlocks, utf8 } from '@vitrine/bytes';
import type { Presented } from '../../presented.ts';
import {
  documentLimits,
  lowerHex,
  malformed,
  matching,
  maybe,
  readDocument,
  someBase64,
} from '../reading.ts';
import { readTinfoilV2 } from './v2.ts';

const what = 'Tinfoil attestation bundle';
const MAX_CERTIFICATE_BYTES = 64 * 1024;
const hostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/;

/**
 * Members that are not named here are passed over: nobody vouches for any of them.
 * @param bytes the document as it came
 * @throws VerifierError DOCUMENT_MALFORMED, EVIDENCE_UNSUPPORTED
 */
export function parseTinfoilBundle(bytes: Uint8Array): Promise<Presented> {
  return readDocument(what, () => presentTinfoilBundle(parseJson(bytes, what, documentLimits)));
}

export async function presentTinfoilBundle(bundle: JsonNode): Promise<Presented> {
  const document = await readTinfoilV2(bundle.get('enclaveAttestationReport'));
  const vcek = maybe(bundle, 'vcek', (node) => someBase64(node, MAX_CERTIFICATE_BYTES));
  const { cpu } = document;
  return {
    dialect: 'tinfoil',
    form: 'bundle',
    ...document,
    cpu: cpu.platform === 'sev-snp' ? { ...cpu, vcek } : cpu,
    domain: matching(bundle.get('domain'), hostName, 'a host name'),
    certificate: readCertificate(bundle.get('enclaveCert')),
    devices: { devices: [] },
    release: {
      digest: lowerHex(bundle.get('digest'), 32),
      bundles: [readSigstoreBundle(bundle.get('sigstoreBundle'))],
      platformBundles: [],
    },
    launch: {},
  };
}

/** PEM, as it stands there: what it says is for the channel's checks. */
function readCertificate(node: JsonNode): Uint8Array {
  const pem = node.string();
  parsePemBlocks(pem, 'CERTIFICATE', node.path);
  return utf8(pem);
}

export function readSigstoreBundle(node: JsonNode): Uint8Array {
  if (node.kind !== 'object') throw malformed(node.path, 'a Sigstore bundle', `a value of kind ${node.kind}`);
  return node.raw();
}
