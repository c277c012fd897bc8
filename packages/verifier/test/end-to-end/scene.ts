/** What a service shows at one time: honest in every part, or changed in one by an attacker. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sha256, toHex } from '@vitrine/bytes';
import {
  type Attest,
  type GpuDevice,
  type GpuReportRequest,
  type IssuedVek,
  type JsonObject,
  type ServiceDevice,
  type SnpReportRequest,
  type TdxQuoteRequest,
  type VitrineDefects,
  issueGpuReport,
  issueTdxQuote,
  writeBlyss,
  writeTinfoilV2,
  writeTinfoilV3,
  writeVitrineDocument,
} from '@vitrine/simtee';
import type { TdxCollateral } from '@vitrine/evidence';
import type { TlsServerCertificate } from '@vitrine/simtee/ct';
import { blyssCmdline } from './blyss-launch.ts';
import { type PlatformList, tdxPlatform } from './platforms.ts';
import { type Release, vcpus } from './release.ts';
import type { World } from './world.ts';

export { tdxPlatform } from './platforms.ts';
export type DialectForm = 'vitrine' | 'tinfoil-v3' | 'tinfoil-v2' | 'blyss';

/** Answers a request in place of the honest service. @param honest the document's bytes */
export type Respond = (
  request: IncomingMessage,
  response: ServerResponse,
  honest: () => Promise<Uint8Array>,
) => void | Promise<void>;

export interface Scene {
  readonly dialect: DialectForm;
  readonly platform: 'sev-snp' | 'tdx';
  /** What the document shows. */
  readonly release: Release;
  /** What was launched: 48 bytes; default the release's. */
  readonly measurement?: Uint8Array;
  /** What the server shows of itself. */
  readonly tls: TlsServerCertificate;
  /** Whose key is attested; default the server's. */
  readonly attestedTls?: TlsServerCertificate;
  readonly vcek: IssuedVek;
  readonly crl: Uint8Array;
  readonly report?: Partial<SnpReportRequest>;
  readonly quote?: Partial<TdxQuoteRequest>;
  /** Of TDX, in the document; where left out, the mirror of Intel's service has it. */
  readonly collateral?: TdxCollateral;
  /** CCEL of TDX, in the native document. */
  readonly eventLog?: Uint8Array | undefined;
  /** That GitHub gives out. */
  readonly platforms: PlatformList;
  /** Manifests that NVIDIA's service gives out, by their names. */
  readonly rims: ReadonlyMap<string, Uint8Array>;
  readonly gpus: readonly GpuDevice[];
  readonly gpuReport?: (nonce: Uint8Array, index: number) => Partial<GpuReportRequest>;
  readonly gpuStatus?: 'good' | 'revoked' | 'unknown';
  /** Evidence is made over this nonce instead of the client's. */
  readonly attestedNonce?: Uint8Array;
  /** Of the native document. */
  readonly defects?: VitrineDefects;
  /** The finished document of any dialect, to be changed in place. */
  readonly alter?: (document: JsonObject) => unknown;
  /** Of Blyss; default a line of the protocol. */
  readonly cmdline?: string;
  readonly respond?: Respond;
  /** Answers for vendors, GitHub and logs; undefined for what is answered honestly. By the path that was asked for. */
  readonly mirror?: (path: string) => Respond | undefined;
}

export function honestScene(world: World, dialect: DialectForm = 'vitrine'): Scene {
  const { release, tls, vcek, crl, platforms, rims, gpus } = world;
  return { dialect, platform: 'sev-snp', release, tls, vcek, crl, platforms, rims, gpus };
}

/** The document that the scene's service answers with. @param nonce 32 bytes, the client's */
export async function writeDocument(scene: Scene, world: World, nonce: Uint8Array): Promise<Uint8Array> {
  const keys = {
    tlsSpkiSha256: await sha256((scene.attestedTls ?? scene.tls).certificate.subjectPublicKeyInfo),
    hpkePublicKey: world.hpkePublicKey,
  };
  const attest = attestOf(scene, world);
  const { repository, tag, deployment, bundle, bundles = [bundle] } = scene.release;
  const release = { repository, tag, deployment, bundles };
  const { attestedNonce } = scene;
  const defects = {
    ...(attestedNonce ? { attestedNonce } : {}),
    ...(scene.alter ? { alter: scene.alter } : {}),
  };
  switch (scene.dialect) {
    case 'vitrine': {
      const devices = await devicesOf(scene, nonce);
      const all = { ...defects, ...scene.defects };
      return writeVitrineDocument({ nonce, attest, keys, devices, release, defects: all });
    }
    case 'tinfoil-v3': {
      const devices = await devicesOf(scene, nonce);
      const fmspc = toHex(world.platform.fmspc);
      return writeTinfoilV3({ nonce, attest, keys, devices, release, fmspc, defects });
    }
    case 'tinfoil-v2':
      return writeTinfoilV2({ attest, keys, defects });
    case 'blyss':
      return writeBlyss({
        attest,
        certificate: (scene.attestedTls ?? scene.tls).certificate.der,
        gpus: await devicesOf(scene, crypto.getRandomValues(new Uint8Array(32))),
        launch: { cmdline: scene.cmdline ?? blyssCmdline(), vcpus },
        defects,
      });
  }
}

/** The processor's VCEK travels with the document where the dialect has a place for it; its revocation list does not. */
function attestOf(scene: Scene, { amd, platform, tcb, chipId }: World): Attest {
  if (scene.platform === 'tdx')
    return async (reportData) => ({
      platform: 'tdx',
      quote: await issueTdxQuote(platform, {
        mrTd: tdxPlatform.mrtd,
        rtmrs: [tdxPlatform.rtmr0, scene.release.rtmr1, scene.release.rtmr2, new Uint8Array(48)],
        reportData,
        ...scene.quote,
      }),
      collateral: scene.collateral,
      eventLog: scene.eventLog,
    });
  const measurement = scene.measurement ?? scene.release.launchDigest;
  return async (reportData) => ({
    platform: 'sev-snp',
    report: await amd.issueReport({ tcb, chipId, measurement, reportData, ...scene.report }, scene.vcek.key),
    vcek: scene.vcek.certificate.der,
    chain: [amd.ask.der, amd.ark.der],
  });
}

function devicesOf({ gpus, gpuReport }: Scene, nonce: Uint8Array): Promise<ServiceDevice[]> {
  return Promise.all(
    gpus.map(async (gpu, index) => ({
      id: `gpu${index}`,
      kind: 'gpu' as const,
      report: await issueGpuReport(gpu, { nonce, ...gpuReport?.(nonce, index) }),
      chain: gpu.chain,
    })),
  );
}
