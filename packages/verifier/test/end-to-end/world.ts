/** One simulated world: hardware vendors, a Sigstore, a web authority with its logs, a machine, and a release that runs on it. */
import { sha256 } from '@vitrine/bytes';
import {
  type GpuAuthority,
  type GpuDevice,
  type IssuedVek,
  type SimulatedSigstore,
  type SnpAuthority,
  type SnpAuthorityKeys,
  type TdxAuthority,
  type TdxPlatform,
  createGpuAuthority,
  createGpuDevice,
  createSigstore,
  createSnpAuthority,
  createTdxAuthority,
  createTdxPlatform,
  defaultMeasurements,
  generateKey,
  issueGpuReport,
  issueRim,
  issueTdxCollateral,
} from '@vitrine/simtee';
import {
  type SimulatedCtLog,
  type TlsAuthority,
  type TlsCertificateRequest,
  type TlsServerCertificate,
  createCtLog,
  createTlsAuthority,
  issueTlsCertificate,
} from '@vitrine/simtee/ct';
import { type SnpTcb, type TdxCollateral, parseGpuReport, rimIds } from '@vitrine/evidence';
import { type PlatformList, createPlatformList } from './platforms.ts';
import { type Release, type ReleaseRequest, createRelease } from './release.ts';

export interface World {
  readonly now: Date;
  readonly amd: SnpAuthority;
  readonly chipId: Uint8Array;
  readonly tcb: SnpTcb;
  readonly vcek: IssuedVek;
  /** DER, current, of a revocation list that names nobody. */
  readonly crl: Uint8Array;
  readonly intel: TdxAuthority;
  readonly platform: TdxPlatform;
  readonly collateral: Required<TdxCollateral>;
  readonly nvidia: GpuAuthority;
  /** Two, of the machine, and a third that is elsewhere. */
  readonly gpus: readonly [GpuDevice, GpuDevice];
  readonly otherGpu: GpuDevice;
  /** Manifests by NVIDIA's names for them. */
  readonly rims: ReadonlyMap<string, Uint8Array>;
  readonly sigstore: SimulatedSigstore;
  readonly platforms: PlatformList;
  readonly web: TlsAuthority;
  /** Of three operators; the certificate is in the first two. */
  readonly logs: readonly SimulatedCtLog[];
  readonly tls: TlsServerCertificate;
  /** X25519, 32 bytes. */
  readonly hpkePublicKey: Uint8Array;
  readonly release: Release;
  /** Another certificate for the same name. */
  issueTls(request?: Partial<TlsCertificateRequest>): Promise<TlsServerCertificate>;
  issueRelease(request?: Partial<ReleaseRequest>): Promise<Release>;
}

export interface WorldRequest {
  /** Everything was made shortly before. */
  readonly now: Date;
  /** ROOT_OFFSET_UUID of the model pack that the release names. */
  readonly model?: string | undefined;
  /** Those of another world: they take a second or two to make. */
  readonly amdKeys?: SnpAuthorityKeys | undefined;
}

const DAY_MS = 86_400_000;
const chipId = Uint8Array.from({ length: 64 }, (_, at) => 0x40 + at);
const tcb: SnpTcb = { bootloader: 10, tee: 0, snp: 27, microcode: 86 };
export const CT_ORIGIN = 'https://ct.test';

export async function createWorld({ now: given, model, amdKeys }: WorldRequest): Promise<World> {
  const now = new Date(Math.floor(given.getTime() / 1000) * 1000);
  const daysAgo = (days: number) => new Date(now.getTime() - days * DAY_MS);
  const [amd, intel, nvidia, sigstore, web, logs] = await Promise.all([
    createAmd(now, amdKeys),
    createTdxAuthority(),
    createGpuAuthority({ now }),
    createSigstore({ from: daysAgo(730) }),
    createTlsAuthority({ notBefore: daysAgo(730) }),
    Promise.all(['alpha', 'beta', 'gamma'].map((name) => createLog(name, daysAgo(700)))),
  ]);
  const platform = await createTdxPlatform(intel);
  const gpus = [await createGpuDevice(nvidia), await createGpuDevice(nvidia)] as const;
  const issueTls = (request: Partial<TlsCertificateRequest> = {}) =>
    issueTlsCertificate(web, {
      names: ['localhost'],
      notBefore: daysAgo(2),
      notAfter: new Date(now.getTime() + 60 * DAY_MS),
      logs: logs.slice(0, 2),
      ...request,
    });
  const issueRelease = (request: Partial<ReleaseRequest> = {}) =>
    createRelease({ sigstore, at: daysAgo(3), ...(model === undefined ? {} : { model }), ...request });
  return {
    now,
    amd,
    chipId,
    tcb,
    vcek: await amd.issueVcek({ chipId, tcb }),
    crl: await amd.issueCrl(),
    intel,
    platform,
    collateral: await issueTdxCollateral(intel, platform, { issueDate: daysAgo(1) }),
    nvidia,
    gpus,
    otherGpu: await createGpuDevice(nvidia),
    rims: await issueRims(nvidia, gpus[0]),
    sigstore,
    platforms: await createPlatformList(sigstore, daysAgo(3)),
    web,
    logs,
    tls: await issueTls(),
    hpkePublicKey: await sha256(crypto.getRandomValues(new Uint8Array(32))),
    release: await issueRelease(),
    issueTls,
    issueRelease,
  };
}

/** Keys of AMD's length, which take a second or two to make, but for the one that signs nothing here. */
async function createAmd(now: Date, keys?: SnpAuthorityKeys): Promise<SnpAuthority> {
  if (keys) return createSnpAuthority({ product: 'Genoa', now, keys });
  const [ark, ask, asvk] = await Promise.all([
    generateKey('RSA-PSS-4096'),
    generateKey('RSA-PSS-4096'),
    generateKey('P-384'),
  ]);
  return createSnpAuthority({ product: 'Genoa', now, keys: { ark, ask, asvk } });
}

function createLog(name: string, since: Date): Promise<SimulatedCtLog> {
  return createCtLog({
    description: `Simulated log ${name}`,
    operator: `Operator ${name}`,
    url: `${CT_ORIGIN}/${name}/`,
    state: { name: 'usable', since },
  });
}

/** The driver's covers the indexes from 20 to 40, the VBIOS's those from 0 to 11. */
export async function issueRims(
  nvidia: GpuAuthority,
  gpu: GpuDevice,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const report = parseGpuReport(await issueGpuReport(gpu, { nonce: new Uint8Array(32) }));
  const ids = rimIds(report, gpu.architecture);
  const { driverVersion, vbiosVersion } = report.opaque;
  const golden = (from: number, to: number) =>
    defaultMeasurements(gpu)
      .slice(from, to)
      .map((value, at) => ({ index: from + at, values: [value] }));
  const rim = (version: string | undefined, from: number, to: number) =>
    issueRim(nvidia, { product: 'GH100', version: version!, measurements: golden(from, to) });
  return new Map([
    [ids.driver!, await rim(driverVersion, 20, 41)],
    [ids.vbios!, await rim(vbiosVersion, 0, 12)],
  ]);
}
