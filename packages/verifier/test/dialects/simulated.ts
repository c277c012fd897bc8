/** A simulated machine for the tests of this folder: made once, small keys, every kind of evidence. */
import { sha256, utf8 } from '@vitrine/bytes';
import {
  type Attest,
  type GpuDevice,
  type ServiceDevice,
  type ServiceKeys,
  type ServiceRelease,
  createGpuAuthority,
  createGpuDevice,
  createSnpAuthority,
  createTdxAuthority,
  createTdxPlatform,
  generateKey,
  issueGpuReport,
  issueTdxCollateral,
  issueTdxQuote,
  writeCcel,
} from '@vitrine/simtee';

export interface Machine {
  readonly nonce: Uint8Array;
  readonly keys: ServiceKeys;
  readonly snp: Attest;
  readonly tdx: Attest;
  /** Two GPUs and a switch over the nonce. */
  readonly devices: readonly ServiceDevice[];
  readonly release: ServiceRelease;
  readonly bundle: Uint8Array;
  readonly tlsCertificate: Uint8Array;
}

const now = new Date('2026-01-15T12:00:00Z');
const tcb = { bootloader: 10, tee: 0, snp: 23, microcode: 84 };
const chipId = Uint8Array.from({ length: 64 }, (_, at) => at);

/** Elliptic curves where AMD has RSA 4096: these tests never verify AMD's signatures. */
export async function simulatedMachine(): Promise<Machine> {
  const nonce = Uint8Array.from({ length: 32 }, (_, at) => 0xa0 + at);
  const [ark, ask, asvk] = await Promise.all([
    generateKey('P-384'),
    generateKey('P-384'),
    generateKey('P-384'),
  ]);
  const amd = await createSnpAuthority({ product: 'Genoa', now, keys: { ark, ask, asvk } });
  const vcek = await amd.issueVcek({ chipId, tcb });
  const crl = await amd.issueCrl();
  const intel = await createTdxAuthority();
  const platform = await createTdxPlatform(intel);
  const collateral = await issueTdxCollateral(intel, platform);
  const eventLog = await writeCcel([{ rtmr: 1, eventType: 3, data: utf8('kernel') }]);
  const nvidia = await createGpuAuthority({ now });
  const gpus = [await createGpuDevice(nvidia), await createGpuDevice(nvidia)];
  const nvswitch = await createGpuDevice(nvidia, { architecture: 'LS10' });
  const bundle = utf8('{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{}}');
  const deployment = utf8('{"cmdline":"root=/dev/mapper/root"}');
  return {
    nonce,
    keys: {
      tlsSpkiSha256: await sha256(utf8('a TLS key')),
      hpkePublicKey: await sha256(utf8('an HPKE key')),
      others: { receipts: Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x07) },
    },
    snp: async (reportData) => ({
      platform: 'sev-snp',
      report: await amd.issueReport(
        { tcb, chipId, measurement: new Uint8Array(48).fill(7), reportData },
        vcek.key,
      ),
      vcek: vcek.certificate.der,
      chain: [amd.ask.der, amd.ark.der],
      crl,
    }),
    tdx: async (reportData) => ({
      platform: 'tdx',
      quote: await issueTdxQuote(platform, { reportData }),
      collateral,
      eventLog,
    }),
    devices: [
      await serviceDevice('gpu0', gpus[0]!, nonce),
      await serviceDevice('gpu1', gpus[1]!, nonce),
      await serviceDevice('nvswitch0', nvswitch, nonce),
    ],
    release: {
      repository: 'acme/chat',
      tag: 'v1.2.3',
      deployment,
      bundles: [bundle],
      platformBundles: [bundle],
    },
    bundle,
    tlsCertificate: amd.ark.der,
  };
}

async function serviceDevice(id: string, device: GpuDevice, nonce: Uint8Array): Promise<ServiceDevice> {
  return {
    id,
    kind: device.architecture === 'LS10' ? 'switch' : 'gpu',
    report: await issueGpuReport(device, { nonce }),
    chain: device.chain,
    driverRim: utf8(`<driver>${id}</driver>`),
    vbiosRim: utf8(`<vbios>${id}</vbios>`),
    ocspResponses: [Uint8Array.of(0x30, 0x00)],
  };
}

/** Report data of simulated evidence, where the platforms have it. */
export function attestedIn(cpu: { platform: string; report?: Uint8Array; quote?: Uint8Array }): Uint8Array {
  return cpu.report ? cpu.report.slice(0x50, 0x90) : cpu.quote!.slice(568, 632);
}
