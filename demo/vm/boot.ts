/** Boots a Debian kernel in QEMU that opens a model pack under dm-verity and reads every file of it. */
import { existsSync } from 'node:fs';
import { BUSYBOX, buildInitrd, VERITYSETUP } from './initrd.ts';
import { findKernel } from './kernel.ts';
import { type Accelerator, QEMU, runMachine } from './qemu.ts';
import { kernelComplaints, parseGuestReport, type Stage } from './report.ts';

export interface BootRequest {
  /** Data blocks, then the dm-verity superblock and tree, in one file. */
  readonly packPath: string;
  /** 64 lowercase hex digits. Travels on the kernel command line, which is what a launch measurement covers. */
  readonly rootHash: string;
  /** Where the dm-verity superblock starts. */
  readonly hashOffsetBytes: number;
  readonly timeoutMs: number;
  readonly log: (line: string) => void;
}

interface Ran {
  /** Release of the kernel that was booted. */
  readonly kernel: string;
  readonly accelerator: Accelerator;
  readonly seconds: number;
}
export type BootVerdict = Ran &
  (
    | {
        readonly verdict: 'opened';
        /** Path in the pack to SHA-256 in hex, of every regular file, as read through dm-verity. */
        readonly files: Map<string, string>;
      }
    | {
        readonly verdict: 'refused';
        readonly stage: Stage;
        /** The kernel's own message where it has one, else the guest's. */
        readonly reason: string;
        /** Everything the kernel wrote to its console. */
        readonly serial: string;
      }
  );

/** Says what keeps this machine from booting the demo's virtual machine, or undefined. */
export function cannotBoot(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'an x86-64 Linux machine is needed';
  const programs = { 'qemu-system-x86': QEMU, 'busybox-static': BUSYBOX, 'cryptsetup-bin': VERITYSETUP };
  const missing: string[] = [];
  for (const [debian, path] of Object.entries(programs))
    if (!existsSync(path)) missing.push(`${path} (${debian})`);
  if (!findKernel()) missing.push('a Debian cloud kernel (linux-image-cloud-amd64)');
  return missing.length === 0 ? undefined : `missing: ${missing.join(', ')}`;
}

/**
 * Boots the pack; resolves with a verdict in any case, also when the machine hangs (after timeoutMs, and a few
 * seconds more where KVM is broken) or the kernel panics.
 * @throws TypeError when the request itself cannot be; Error when cannotBoot() has something to say.
 */
export async function bootUnderVerity(request: BootRequest): Promise<BootVerdict> {
  const { packPath, rootHash, hashOffsetBytes, timeoutMs, log } = request;
  if (!/^[0-9a-f]{64}$/.test(rootHash))
    throw new TypeError(`A root hash is 64 lowercase hex digits, found ${rootHash}`);
  if (!Number.isSafeInteger(hashOffsetBytes) || hashOffsetBytes <= 0) {
    throw new TypeError(`hashOffsetBytes must be a positive integer, found ${hashOffsetBytes}`);
  }
  const kernel = findKernel();
  const obstacle = cannotBoot();
  if (!kernel || obstacle !== undefined)
    throw new Error(`Cannot boot a virtual machine: ${obstacle ?? 'no kernel'}`);

  // loglevel=4 keeps the kernel's errors and warnings; a serial port is slow under emulation.
  const commandLine = `console=ttyS0 loglevel=4 panic=-1 vitrine_root=${rootHash} vitrine_hash_offset=${hashOffsetBytes}`;
  log(`Kernel command line: ${commandLine}`);
  const startMs = performance.now();
  const initrd = buildInitrd(kernel);
  const machine = { kernelPath: kernel.imagePath, initrd, commandLine, diskPath: packPath, timeoutMs };
  const run = await runMachine(machine, log);
  const seconds = (performance.now() - startMs) / 1000;
  const ran = { kernel: kernel.release, accelerator: run.accelerator, seconds };
  const report = parseGuestReport(run.report);
  if (report.verdict === 'opened') return { ...ran, ...report };
  const reasons = [...kernelComplaints(run.console), run.failure, report.reason];
  const reason = reasons.filter((part) => part !== undefined && part !== '').join('; ');
  return { ...ran, verdict: 'refused', stage: report.stage, reason, serial: run.console };
}
