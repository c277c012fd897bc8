/** A trust domain started from small parts of our own: its registers, its event log, and the release that names the parts. */
import { sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { measureBoot, measureMrtd, measureRtmr0 } from '@vitrine/measure/tdx';
import { writeCcel } from '@vitrine/simtee';
import { kernelImage, page, tdxImage } from '../../../measure/test/images.ts';
import { type Release, cmdlineOf, configBytes, repository } from './release.ts';
import type { Scene } from './scene.ts';
import type { World } from './world.ts';

export interface TdxParts {
  readonly firmware: Uint8Array;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly cmdline: string;
  readonly memoryMib: number;
  readonly vcpus: number;
}

export interface TdxLaunch {
  readonly mrtd: Uint8Array;
  /** RTMR0 to RTMR3. */
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  /** CCEL. */
  readonly eventLog: Uint8Array;
}

const EV_EVENT_TAG = 6;
/** Two pages of code at the end, a configuration volume, a place for the memory map, one for SEC. */
const sections = [
  [0, 2 * page, 0xffffe000, 2 * page, 1, 0],
  [page, page, 0xffff0000, page, 0, 1],
  [0, 0, 0x809000, 2 * page, 0, 2],
  [0, 0, 0x80b000, page, 0, 3],
] as const;

/** The parts of the release. */
export async function tdxParts(): Promise<TdxParts> {
  return {
    firmware: tdxImage(3, sections),
    kernel: kernelImage(),
    initrd: utf8('the first root file system'),
    cmdline: await cmdlineOf(configBytes({ gpus: 0 })),
    memoryMib: 65536,
    vcpus: 4,
  };
}

/** What the processor measures when they are started. */
export async function launchTdx(parts: TdxParts): Promise<TdxLaunch> {
  const { firmware, memoryMib, vcpus } = parts;
  const text = (words: string) => ({ bytes: utf8(words) });
  const machine = await measureRtmr0({
    firmware,
    memoryMib,
    acpi: [text('loader'), text('RSDP'), text(`MADT of ${vcpus} processors`)],
    bootVariables: [text('0000'), text('the kernel')],
  });
  const boot = await measureBoot(parts);
  const events = [...machine, ...boot];
  const last = (rtmr: 0 | 1 | 2): Uint8Array => events.findLast((event) => event.rtmr === rtmr)!.value;
  return {
    mrtd: (await measureMrtd(firmware, 'two-pass')).mrtd,
    rtmrs: [last(0), last(1), last(2), new Uint8Array(48)],
    eventLog: await writeCcel(
      events.map(({ rtmr, what, digest }) => ({
        rtmr,
        eventType: EV_EVENT_TAG,
        data: utf8(what),
        digest,
      })),
      64,
    ),
  };
}

/** Signed, with enough to recompute MRTD, RTMR1 and RTMR2. @param signed members of the deployment file to set or leave out */
export async function releaseOf(
  { sigstore, release, now }: World,
  parts: TdxParts,
  signed: Readonly<Record<string, unknown>> = {},
): Promise<Release> {
  const { rtmrs } = await launchTdx(parts);
  const [, rtmr1, rtmr2] = rtmrs;
  const config = configBytes({ gpus: 0 });
  const hash = async (bytes: Uint8Array) => toHex(await sha256(bytes));
  const file = {
    tdx_measurement: { rtmr1: toHex(rtmr1), rtmr2: toHex(rtmr2) },
    cmdline: parts.cmdline,
    hashes: { root: 'd1'.repeat(32), kernel: await hash(parts.kernel), initrd: await hash(parts.initrd) },
    config: toBase64(config),
    firmware: { tdx: { sha256: await hash(parts.firmware) } },
    vm_shape: { cpus: parts.vcpus, memory_mb: parts.memoryMib },
    ...signed,
  };
  const deployment = utf8(JSON.stringify(file));
  const digest = await sha256(deployment);
  const payload = JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'tinfoil-deployment.json', digest: { sha256: toHex(digest) } }],
    predicateType: 'https://tinfoil.sh/predicate/snp-tdx-multiplatform/v1',
    predicate: file,
  });
  const identity = { repository, ref: 'refs/tags/v1.2.0' };
  const bundle = await sigstore.signDsse({ payload, identity, at: new Date(now.getTime() - 86_400_000) });
  return {
    ...release,
    cmdline: parts.cmdline,
    config,
    deployment,
    digest,
    bundle: utf8(bundle),
    rtmr1,
    rtmr2,
  };
}

/** A service that shows the release, and has started the parts. */
export async function launched(scene: Scene, release: Release, parts: TdxParts): Promise<Scene> {
  const { mrtd, rtmrs, eventLog } = await launchTdx(parts);
  return {
    ...scene,
    platform: 'tdx',
    release,
    gpus: [],
    quote: { mrTd: mrtd, rtmrs },
    eventLog,
  };
}
