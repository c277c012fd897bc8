/** RTMR1 and RTMR2 of a direct boot: what the firmware extends for kernel, command line and initrd. */
import { concatBytes, sha384, utf8 } from '@vitrine/bytes';
import { requireCmdline } from '../cmdline.ts';
import { MeasureError } from '../error.ts';
import { authenticodeSha384, patchKernel } from './kernel.ts';

/** One extension of a register. */
export interface RtmrEvent {
  readonly rtmr: 0 | 1 | 2;
  readonly what: string;
  /** SHA-384, 48 bytes. */
  readonly digest: Uint8Array;
  /** The register from then on. */
  readonly value: Uint8Array;
}

export interface TdxBoot {
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array | undefined;
  readonly cmdline?: string | undefined;
  /** From 2816 MiB on it makes no difference; default 4096. */
  readonly memoryMib?: number | undefined;
}

const MAX_MEMORY_MIB = 64 * 1024 * 1024;

/** @throws MeasureError KERNEL_MALFORMED, INPUT_INVALID */
export async function measureBoot({
  kernel,
  initrd,
  cmdline = '',
  memoryMib = 4096,
}: TdxBoot): Promise<RtmrEvent[]> {
  if (!(Number.isInteger(memoryMib) && memoryMib >= 1 && memoryMib <= MAX_MEMORY_MIB))
    throw new MeasureError(
      'INPUT_INVALID',
      `Memory: expected 1 to ${MAX_MEMORY_MIB} MiB, found ${memoryMib}.`,
    );
  requireCmdline(cmdline);
  const load = { memoryBytes: memoryMib * 1024 * 1024, initrdBytes: initrd?.length ?? 0 };
  const kernelDigest = await authenticodeSha384(patchKernel(kernel, load));
  return [
    ...(await extendAll(1, [
      ['kernel (Authenticode, as QEMU patches it)', kernelDigest],
      ...(await bootServiceDigests()),
    ])),
    ...(await extendAll(2, [
      ['command line', await cmdlineDigest(cmdline, initrd !== undefined)],
      ...(initrd ? [['initrd', await sha384(initrd)] as const] : []),
    ])),
  ];
}

/** As the kernel's EFI stub measures its load options: UTF-16 with a NUL; OVMF names the initrd in them. */
export function cmdlineDigest(cmdline: string, hasInitrd: boolean): Promise<Uint8Array> {
  const options = `${cmdline}${hasInitrd ? ' initrd=initrd' : ''}\0`;
  const bytes = new Uint8Array(options.length * 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < options.length; at++) view.setUint16(at * 2, options.charCodeAt(at), true);
  return sha384(bytes);
}

/** What follows the kernel in RTMR1, the same for every direct boot. */
export async function bootServiceDigests(): Promise<
  readonly (readonly [what: string, digest: Uint8Array])[]
> {
  return [
    await text('Calling EFI Application from Boot Option'),
    ['separator', await sha384(new Uint8Array(4))],
    await text('Exit Boot Services Invocation'),
    await text('Exit Boot Services Returned with Success'),
  ];
}

async function text(action: string): Promise<readonly [string, Uint8Array]> {
  return [action, await sha384(utf8(action))];
}

/** From 48 zero bytes: register ← SHA-384(register ‖ digest). */
export async function extendAll(
  rtmr: 0 | 1 | 2,
  digests: readonly (readonly [string, Uint8Array])[],
): Promise<RtmrEvent[]> {
  const events: RtmrEvent[] = [];
  let value: Uint8Array = new Uint8Array(48);
  for (const [what, digest] of digests) {
    value = await sha384(concatBytes(value, digest));
    events.push({ rtmr, what, digest, value });
  }
  return events;
}
