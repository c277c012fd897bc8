/** The native evidence document as a service would write it (docs/evidence-document.md). */
import { concatBytes, sha256, sha512, toBase64, toHex, utf8 } from '@vitrine/bytes';
import {
  type Attest,
  type DocumentDefects,
  type ServiceCpu,
  type ServiceDevice,
  type ServiceKeys,
  type ServiceRelease,
  finish,
  json,
  pemOf,
  unlessEmpty,
} from './evidence.ts';

export interface VitrineDocumentRequest {
  /** 32 bytes, the client's. */
  readonly nonce: Uint8Array;
  readonly attest: Attest;
  readonly keys: ServiceKeys;
  /** Default none. */
  readonly devices?: readonly ServiceDevice[];
  readonly release?: ServiceRelease;
  /** What the service says that it was launched with. */
  readonly launch?: { readonly cmdline?: string; readonly vcpus?: number };
  readonly defects?: VitrineDefects;
}

export interface VitrineDefects extends DocumentDefects {
  /** Sent instead of what was hashed. */
  readonly keys?: Uint8Array;
  readonly devices?: Uint8Array;
  /** Hashed instead of the client's, and not sent. */
  readonly attestedNonce?: Uint8Array;
}

/** The document's bytes. */
export async function writeVitrineDocument(request: VitrineDocumentRequest): Promise<Uint8Array> {
  const { nonce, attest, devices = [], release, defects = {} } = request;
  const keyBytes = json(vitrineKeys(request.keys));
  const deviceBytes = json(vitrineDevices(devices));
  const honest = await vitrineHash(defects.attestedNonce ?? nonce, keyBytes, deviceBytes);
  const cpu = await attest(defects.reportData ?? honest);
  const document = {
    format: 'vitrine-evidence/v1',
    nonce: toHex(nonce),
    cpu: writeCpu(cpu),
    keys: toBase64(defects.keys ?? keyBytes),
    devices: toBase64(defects.devices ?? deviceBytes),
    device_endorsements: unlessEmpty(
      Object.fromEntries(devices.map((device) => [device.id, endorsements(device)])),
    ),
    deployment: release && writeRelease(release),
    launch: request.launch,
  };
  return finish(document, defects);
}

async function vitrineHash(nonce: Uint8Array, keys: Uint8Array, devices: Uint8Array): Promise<Uint8Array> {
  const label = utf8('vitrine attestation v1');
  return sha512(concatBytes(label, nonce, await sha256(keys), await sha256(devices)));
}

function vitrineKeys({ tlsSpkiSha256, hpkePublicKey, others = {} }: ServiceKeys): object {
  const entries = Object.entries(others).map(([id, key]) => [id, toHex(key)] as const);
  return {
    tls: { spki_sha256: toHex(tlsSpkiSha256) },
    hpke: hpkePublicKey && { x25519: toHex(hpkePublicKey) },
    others: entries.length > 0 ? Object.fromEntries(entries) : undefined,
  };
}

function vitrineDevices(devices: readonly ServiceDevice[]): object {
  return {
    devices: devices.map(({ id, kind, report, chain }) => ({
      id,
      kind,
      report: toBase64(report),
      chain: pemOf(chain),
    })),
  };
}

function endorsements({ driverRim, vbiosRim, ocspResponses }: ServiceDevice): object | undefined {
  return unlessEmpty({
    driver_rim: base64(driverRim),
    vbios_rim: base64(vbiosRim),
    ocsp: ocspResponses?.map(toBase64),
  });
}

function writeCpu(cpu: ServiceCpu): object {
  if (cpu.platform === 'sev-snp') {
    const { platform, report, vcek, chain, crl } = cpu;
    return {
      platform,
      report: toBase64(report),
      endorsements: unlessEmpty({ vcek: base64(vcek), chain: chain?.map(toBase64), crl: base64(crl) }),
    };
  }
  const { platform, quote, collateral, eventLog } = cpu;
  return {
    platform,
    quote: toBase64(quote),
    collateral: collateral && {
      tcb_info: base64(collateral.tcbInfo),
      tcb_info_issuer_chain: base64(collateral.tcbInfoIssuerChain),
      qe_identity: base64(collateral.qeIdentity),
      qe_identity_issuer_chain: base64(collateral.qeIdentityIssuerChain),
      pck_crl: base64(collateral.pckCrl),
      pck_crl_issuer_chain: base64(collateral.pckCrlIssuerChain),
      root_crl: base64(collateral.rootCrl),
    },
    event_log: base64(eventLog),
  };
}

function writeRelease({ repository, tag, deployment, bundles, platformBundles }: ServiceRelease): object {
  return {
    repository,
    tag,
    file: base64(deployment),
    bundles: bundles?.map(toBase64),
    platform_bundles: platformBundles?.map(toBase64),
  };
}

function base64(bytes: Uint8Array | undefined): string | undefined {
  return bytes && toBase64(bytes);
}
