/** `vitrine measure snp` and `vitrine measure tdx`: the registers a VM must have, and all that goes into them. */
import { readFileSync } from 'node:fs';
import { toHex } from '@vitrine/bytes';
import { measureSnp, measureTdx } from '@vitrine/measure';
import { EXIT, UsageError } from './exit.ts';
import { type Terminal, plain } from './terminal.ts';

export interface MeasureFlags {
  readonly firmware: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly cmdline?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
}

export interface SnpFlags extends MeasureFlags {
  readonly vcpus: string;
  readonly vcpuType?: string;
  readonly vcpuSignature?: string;
  readonly vmm: string;
  readonly guestFeatures: string;
}

export interface TdxFlags extends MeasureFlags {
  readonly ordering: string;
  readonly memoryMib: string;
}

export async function measureSnpCommand(flags: SnpFlags, terminal: Terminal): Promise<number> {
  const boot = readBoot(flags);
  const { launchDigest, pages } = await measureSnp({
    vmm: oneOf('--vmm', flags.vmm, ['qemu', 'ec2', 'gce']),
    vcpus: wholeNumber('--vcpus', flags.vcpus),
    vcpuType: flags.vcpuType,
    vcpuSignature:
      flags.vcpuSignature === undefined ? undefined : wholeNumber('--vcpu-signature', flags.vcpuSignature),
    guestFeatures: BigInt(wholeNumber('--guest-features', flags.guestFeatures)),
    firmware: { bytes: read(flags.firmware) },
    boot: boot && {
      kernel: { bytes: boot.kernel },
      initrd: boot.initrd && { bytes: boot.initrd },
      cmdline: boot.cmdline,
    },
  });
  const trace = pages.map(({ kind, gpa, what, contents, digest }) => ({
    kind,
    gpa: `0x${gpa.toString(16)}`,
    what,
    contents: toHex(contents),
    digest: toHex(digest),
  }));
  print({ launchDigest: toHex(launchDigest) }, 'pages', trace, flags, terminal);
  return EXIT.ok;
}

export async function measureTdxCommand(flags: TdxFlags, terminal: Terminal): Promise<number> {
  const boot = readBoot(flags);
  const { mrtd, rtmr1, rtmr2, sections, events } = await measureTdx({
    firmware: read(flags.firmware),
    ordering: oneOf('--ordering', flags.ordering, ['single-pass', 'two-pass']),
    boot: boot && { ...boot, memoryMib: wholeNumber('--memory-mib', flags.memoryMib) },
  });
  const registers = {
    mrtd: toHex(mrtd),
    ...(rtmr1 && { rtmr1: toHex(rtmr1) }),
    ...(rtmr2 && { rtmr2: toHex(rtmr2) }),
  };
  const trace = [
    ...sections.map(({ gpa, type, addedPages, extendedChunks }) => ({
      register: 'mrtd',
      what: `section of type ${type} at 0x${gpa.toString(16)}: ${addedPages} pages added, ${extendedChunks} chunks measured`,
    })),
    ...events.map(({ rtmr, what, digest, value }) => ({
      register: `rtmr${rtmr}`,
      what,
      digest: toHex(digest),
      value: toHex(value),
    })),
  ];
  print(registers, 'events', trace, flags, terminal);
  return EXIT.ok;
}

function readBoot(flags: MeasureFlags) {
  if (flags.kernel === undefined) {
    if (flags.initrd !== undefined || flags.cmdline !== undefined)
      throw new UsageError('--initrd and --cmdline are measured only with a --kernel.');
    return undefined;
  }
  return {
    kernel: read(flags.kernel),
    initrd: flags.initrd === undefined ? undefined : read(flags.initrd),
    cmdline: flags.cmdline,
  };
}

function print(
  registers: Readonly<Record<string, string>>,
  traceName: string,
  trace: readonly Readonly<Record<string, string>>[],
  { explain, json }: MeasureFlags,
  { stdout }: Terminal,
): void {
  if (json) {
    stdout.write(`${JSON.stringify({ ...registers, ...(explain && { [traceName]: trace }) })}\n`);
    return;
  }
  if (explain) for (const entry of trace) stdout.write(`${plain(Object.values(entry).join('  '))}\n`);
  for (const [name, value] of Object.entries(registers)) stdout.write(`${name}: ${value}\n`);
}

function read(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (/^(?:\d+|0x[0-9a-f]+)$/i.test(text) && Number.isSafeInteger(value)) return value;
  throw new UsageError(`${option} ${text}: expected a whole number.`);
}

function oneOf<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`${option} ${text}: expected ${choices.join(', ')}.`);
}
