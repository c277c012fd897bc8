import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Accelerator = 'kvm' | 'tcg';

export interface Machine {
  readonly kernelPath: string;
  readonly initrd: Uint8Array;
  readonly commandLine: string;
  /** Attached as a virtio disk that the guest cannot write to. */
  readonly diskPath: string;
  readonly timeoutMs: number;
}

/** What is left of a machine that has stopped. */
export interface MachineRun {
  /** Everything on the first serial port, and everything on the second. */
  readonly console: string;
  readonly report: string;
  /** Why the machine did not stop by itself, or undefined. */
  readonly failure: string | undefined;
}

export const QEMU = '/usr/bin/qemu-system-x86_64';
/** Under KVM the guest's init says its first word within two seconds. */
const KVM_SILENCE_MS = 8_000;
const CONSOLE_LIMIT_CHARS = 2 ** 22;
const MEMORY_MIB = 512;

/** Whether KVM has been seen to fail in this process: then it is not tried again. */
let kvmFailure: string | undefined;

/** Runs a machine to its end: with KVM if that truly runs a kernel here, else in software emulation. Ends by itself. */
export async function runMachine(
  machine: Machine,
  log: (line: string) => void,
): Promise<MachineRun & { accelerator: Accelerator }> {
  if (kvmFailure === undefined && canOpenKvm()) {
    const run = await runQemu(machine, 'kvm');
    if (run.console !== '' || run.report !== '') return { ...run, accelerator: 'kvm' };
    kvmFailure = run.failure ?? 'the guest stopped without a word';
    log(`KVM is present but does not run a kernel here (${kvmFailure}): software emulation instead.`);
  }
  return { ...(await runQemu(machine, 'tcg')), accelerator: 'tcg' };
}

function canOpenKvm(): boolean {
  if (!existsSync('/dev/kvm')) return false;
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function runQemu(machine: Machine, accelerator: Accelerator): Promise<MachineRun> {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-vm-'));
  try {
    const initrdPath = join(folder, 'initrd');
    const reportPath = join(folder, 'report');
    writeFileSync(initrdPath, machine.initrd);
    writeFileSync(reportPath, '');
    const run = await untilItEnds(qemuArguments(machine, accelerator, initrdPath, reportPath), {
      timeoutMs: machine.timeoutMs,
      silenceMs: accelerator === 'kvm' ? KVM_SILENCE_MS : machine.timeoutMs,
    });
    return { ...run, report: readFileSync(reportPath, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function qemuArguments(
  machine: Machine,
  accelerator: Accelerator,
  initrdPath: string,
  reportPath: string,
): string[] {
  const file = { driver: 'file', filename: machine.diskPath, 'read-only': true };
  // JSON, because a comma in a file's name would end an option.
  const disk = JSON.stringify({ driver: 'raw', 'node-name': 'pack', 'read-only': true, file });
  return [
    ...['-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi', '-machine', 'pc', '-cpu', 'max'],
    ...[
      '-smp',
      '1',
      '-m',
      String(MEMORY_MIB),
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
    ],
    ...['-kernel', machine.kernelPath, '-initrd', initrdPath, '-append', machine.commandLine],
    ...['-blockdev', disk, '-device', 'virtio-blk-pci,drive=pack'],
    ...['-serial', 'stdio', '-chardev', `file,id=report,path=${reportPath}`, '-serial', 'chardev:report'],
  ];
}

/** Ends QEMU with a kill when it takes too long, or when the guest says nothing for too long at its start. */
function untilItEnds(
  words: string[],
  limits: { timeoutMs: number; silenceMs: number },
): Promise<{ console: string; failure: string | undefined }> {
  const child = spawn(QEMU, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let text = '';
  let complaint = '';
  let ended: string | undefined;
  const endAfter = (limitMs: number, why: string) =>
    setTimeout(() => {
      ended ??= why;
      kill();
    }, limitMs);
  const total = endAfter(limits.timeoutMs, `ended after ${limits.timeoutMs / 1000} s`);
  const silence = endAfter(limits.silenceMs, `no word from the guest in ${limits.silenceMs / 1000} s`);
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    clearTimeout(silence);
    if (text.length < CONSOLE_LIMIT_CHARS) text += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    if (complaint.length < CONSOLE_LIMIT_CHARS) complaint += part;
  });
  return new Promise((resolve) => {
    const finish = (failure: string | undefined) => {
      clearTimeout(total);
      clearTimeout(silence);
      process.removeListener('exit', kill);
      resolve({ console: text, failure });
    };
    child.once('error', (error) => finish(`${QEMU} does not start: ${error.message}`));
    child.once('close', (status, signal) => {
      const because = complaint
        .trim()
        .split('\n')[0]
        ?.replace(/^qemu-system-x86_64: (error: )?/, '');
      if (ended !== undefined || status === 0) finish(ended);
      else
        finish(
          because === undefined || because === ''
            ? `QEMU ended with ${status ?? signal ?? 'nothing'}`
            : because,
        );
    });
  });
}
