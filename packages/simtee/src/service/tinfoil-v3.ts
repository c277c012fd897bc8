/** Tinfoil's document of version 3: over the client's nonce, with collateral. */
import { concatBytes, sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import {
  type Attest,
  type DocumentDefects,
  type ServiceCpu,
  type ServiceDevice,
  type ServiceKeys,
  type ServiceRelease,
  finish,
  json,
  parsed,
  pemOf,
} from './evidence.ts';

export interface TinfoilV3Request {
  /** 32 bytes, the client's. */
  readonly nonce: Uint8Array;
  readonly attest: Attest;
  readonly keys: ServiceKeys;
  /** Default none. */
  readonly devices?: readonly ServiceDevice[];
  /** Its first bundle and first platform bundle; the deployment file does not travel. */
  readonly release?: ServiceRelease;
  readonly platformRelease?: ServiceRelease;
  /** The platform's fmspc in hexadecimal, for the URL of its TCB info. Default twelve zeros. */
  readonly fmspc?: string;
  readonly defects?: TinfoilV3Defects;
}

export interface TinfoilV3Defects extends DocumentDefects {
  /** Sent, and named by its hash, instead of what was attested. */
  readonly cryptoMaterial?: Uint8Array;
  readonly deviceEvidence?: Uint8Array;
  /** Attested instead of the client's; the document still states the client's. */
  readonly attestedNonce?: Uint8Array;
}

const ROOT = 'https://tinfoil.sh/';
const ALGORITHM = `${ROOT}report-data/v1`;

/** The document's bytes. */
export async function writeTinfoilV3(request: TinfoilV3Request): Promise<Uint8Array> {
  const { nonce, attest, devices = [], defects = {} } = request;
  const material = json(cryptoMaterial(request.keys));
  const evidence = json(deviceEvidence(devices, nonce));
  const attested = await reportData(defects.attestedNonce ?? nonce, material, evidence);
  const cpu = await attest(defects.reportData ?? attested);
  const sent = {
    material: defects.cryptoMaterial ?? material,
    evidence: defects.deviceEvidence ?? evidence,
  };
  const document = {
    format: `${ROOT}predicate/attestation/v3`,
    challenge: {
      nonce: toHex(nonce),
      report_data: toHex(await reportData(nonce, sent.material, sent.evidence)),
      report_data_algorithm: ALGORITHM,
    },
    cpu_evidence: {
      format: `${ROOT}format/${cpu.platform === 'sev-snp' ? 'sev-snp-report' : 'tdx-quote'}/v1`,
      report_base64: toBase64(cpu.platform === 'sev-snp' ? cpu.report : cpu.quote),
      endorsed: {
        crypto_material_hash: toHex(await sha256(sent.material)),
        device_evidence_hash: toHex(await sha256(sent.evidence)),
      },
    },
    crypto_material: toBase64(sent.material),
    device_evidence: toBase64(sent.evidence),
    collateral: [
      ...cpuCollateral(cpu, request.fmspc ?? '0'.repeat(12)),
      ...devices.flatMap(deviceCollateral),
      ...(await releaseCollateral(request)),
    ],
  };
  return finish(document, defects);
}

async function reportData(
  nonce: Uint8Array,
  material: Uint8Array,
  evidence: Uint8Array,
): Promise<Uint8Array> {
  const hashes = concatBytes(await sha256(material), await sha256(evidence));
  return concatBytes(await sha256(concatBytes(utf8(ALGORITHM), nonce, hashes)), new Uint8Array(32));
}

function cryptoMaterial({ tlsSpkiSha256, hpkePublicKey, others = {} }: ServiceKeys): object {
  return {
    format: `${ROOT}crypto-material/v1`,
    items: [
      { id: 'tls', format: `${ROOT}key/spki-fp-sha256/v1`, data: toHex(tlsSpkiSha256) },
      ...(hpkePublicKey
        ? [{ id: 'hpke', format: `${ROOT}key/x25519-hpke/v1`, data: toHex(hpkePublicKey) }]
        : []),
      ...Object.entries(others).map(([id, spki]) => ({
        id,
        format: `${ROOT}key/spki/v1`,
        data: toHex(spki),
      })),
    ],
  };
}

function deviceEvidence(devices: readonly ServiceDevice[], nonce: Uint8Array): object {
  return {
    format: `${ROOT}device-evidence/v1`,
    items: devices.map(({ id, kind, arch, report, chain }) => {
      const evidence = {
        arch: arch ?? (kind === 'gpu' ? 'HOPPER' : 'LS10'),
        certificate: toBase64(utf8(pemOf(chain))),
        evidence: toBase64(report),
        nonce: toHex(nonce),
      };
      return {
        id,
        kind: kind === 'gpu' ? 'gpu' : 'nvswitch',
        vendor: 'nvidia',
        format: `${ROOT}format/nvidia-${kind === 'gpu' ? 'gpu' : 'nvswitch'}-evidence/v1`,
        evidence: kind === 'gpu' ? evidence : [{ ...evidence, version: '1.0' }],
      };
    }),
  };
}

function entry(id: string, format: string, data: object, subjects: readonly string[] = ['cpu']): object {
  const isReference = format.startsWith('sigstore');
  return {
    id,
    role: isReference ? 'reference-values' : 'endorsement',
    format: `${ROOT}collateral/${format}`,
    subjects,
    data,
  };
}

function cpuCollateral(cpu: ServiceCpu, fmspc: string): object[] {
  if (cpu.platform === 'sev-snp') {
    const { vcek, chain, crl } = cpu;
    const certificates = vcek && {
      vcek_der_base64: toBase64(vcek),
      ...(chain && { cert_chain_pem: pemOf(chain) }),
    };
    return [
      ...(certificates ? [entry('vcek', 'amd-vcek/v1', certificates)] : []),
      ...(crl ? [entry('crl', 'amd-crl/v1', { crl_der_base64: toBase64(crl) })] : []),
    ];
  }
  if (!cpu.collateral) return [];
  const { tcbInfo, tcbInfoIssuerChain, qeIdentity, qeIdentityIssuerChain } = cpu.collateral;
  const { pckCrl, pckCrlIssuerChain, rootCrl } = cpu.collateral;
  const api = 'https://api.trustedservices.intel.com';
  const responses = [
    response(
      `${api}/tdx/certification/v4/tcb?fmspc=${fmspc}`,
      tcbInfo,
      'TCB-Info-Issuer-Chain',
      tcbInfoIssuerChain,
    ),
    response(
      `${api}/tdx/certification/v4/qe/identity`,
      qeIdentity,
      'SGX-Enclave-Identity-Issuer-Chain',
      qeIdentityIssuerChain,
    ),
    response(
      `${api}/sgx/certification/v4/pckcrl?ca=platform&encoding=der`,
      pckCrl,
      'SGX-PCK-CRL-Issuer-Chain',
      pckCrlIssuerChain,
    ),
    response('https://certificates.trustedservices.intel.com/IntelSGXRootCA.der', rootCrl),
  ];
  return [entry('pcs', 'intel-pcs/v1', { responses: responses.flat() })];
}

function response(url: string, body: Uint8Array | undefined, header?: string, chain?: Uint8Array): object[] {
  if (!body) return [];
  const pem = chain && encodeURIComponent(new TextDecoder().decode(chain));
  const headers = header !== undefined && pem !== undefined ? { [header]: [pem] } : {};
  return [{ url, headers, body_base64: toBase64(body) }];
}

/** A format without published members: ours. */
function deviceCollateral({ id, driverRim, vbiosRim, ocspResponses }: ServiceDevice): object[] {
  if (!driverRim && !vbiosRim && !ocspResponses) return [];
  const data = {
    driver_rim_base64: driverRim && toBase64(driverRim),
    vbios_rim_base64: vbiosRim && toBase64(vbiosRim),
    ocsp_responses_base64: ocspResponses?.map(toBase64),
  };
  return [entry(`${id}-rims`, 'nvidia-gpu/v1', data, [id])];
}

async function releaseCollateral({ release, platformRelease }: TinfoilV3Request): Promise<object[]> {
  const entries = [
    ['code', 'sigstore-code/v1', release],
    ['platform', 'sigstore-platform/v1', platformRelease],
  ] as const;
  return Promise.all(
    entries.flatMap(([id, format, one]) => {
      const bundle = one?.bundles?.[0];
      return one?.deployment && bundle ? [sigstore(id, format, one, one.deployment, bundle)] : [];
    }),
  );
}

async function sigstore(
  id: string,
  format: string,
  { repository, tag }: ServiceRelease,
  file: Uint8Array,
  bundle: Uint8Array,
): Promise<object> {
  const digest = toHex(await sha256(file));
  return entry(id, format, { repo: repository, tag, digest, sigstore_bundle: parsed(bundle) });
}
