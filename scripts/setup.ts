/** Installs what a command needs and the machine lacks: Debian packages (as root) and the native hasher (with a compiler). */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchKernel, KERNEL_PACKAGE, lastComplaint, type Run } from '../demo/vm/fetch-kernel.ts';
import { findKernel, kernelCacheFolder } from '../demo/vm/kernel.ts';
import { buildNative, type NativeBuild } from './build-native.ts';

interface Tool {
  readonly program: string;
  /** The Debian package that brings it, with a version where only that one will do. */
  readonly debian: string;
  /** What the program calls itself with -V, where only one version will do. */
  readonly version?: string;
}
interface Group {
  readonly tools: readonly Tool[];
  readonly withoutThem: string;
}

const groups = {
  /** The tools whose bytes a pack has to equal. Other versions of mkfs.erofs lay images out differently. */
  oracles: {
    tools: [
      { program: 'mkfs.erofs', debian: 'erofs-utils=1.5-1', version: '1.5' },
      { program: 'veritysetup', debian: 'cryptsetup-bin' },
    ],
    withoutThem: 'comparing with the reference tools',
  },
  /** What boots a pack under a real kernel; the kernel itself is looked for separately. */
  machine: {
    tools: [
      { program: 'qemu-system-x86_64', debian: 'qemu-system-x86' },
      { program: 'busybox', debian: 'busybox-static' },
      { program: 'veritysetup', debian: 'cryptsetup-bin' },
    ],
    withoutThem: 'booting a pack in a virtual machine',
  },
  /** What runs the verifying packages' suites as a page does. */
  browser: {
    tools: [{ program: 'chromium', debian: 'chromium' }],
    withoutThem: 'running the suites in a browser',
  },
} as const satisfies Record<string, Group>;
export type ToolGroup = keyof typeof groups;

/** What setUp reads and does, so that a test can stand in for it. */
export interface Host {
  readonly isRoot: boolean;
  readonly isDebian: boolean;
  readonly isX64: boolean;
  /** Where programs are looked for. */
  readonly programFolders: readonly string[];
  /** Below which an installed kernel has boot/ and lib/modules/. */
  readonly systemRoot: string;
  readonly kernelCacheFolder: string;
  readonly run: Run;
  readonly buildNative: (options: { readonly log: (line: string) => void }) => NativeBuild;
  readonly say: (line: string) => void;
}

/**
 * Makes the groups' tools available where it can. Says one line for each thing it does, and what is missing, what is
 * skipped because of that and which command brings it; says nothing when nothing is to be done. Never throws for a
 * tool that cannot be had.
 */
export function setUp(wanted: readonly ToolGroup[], host: Host = thisHost()): void {
  prepareNative(host);
  const chosen: Group[] = [];
  for (const name of wanted) {
    if (name === 'machine' && !host.isX64)
      host.say('Skipped: booting a pack in a virtual machine, it needs an x86-64 Linux.');
    else chosen.push(groups[name]);
  }
  const missing = missingTools(chosen, host);
  const wantsKernel = chosen.includes(groups.machine) && !hasKernel(host);
  if (missing.length === 0 && !wantsKernel) return;

  const obstacles = new Map(missing.map((tool) => [tool.debian, obstacleTo(tool, host)]));
  const installable = [...obstacles].flatMap(([debian, obstacle]) =>
    obstacle === undefined ? [debian] : [],
  );
  if (host.isDebian && host.isRoot && (installable.length > 0 || wantsKernel)) updateLists(host);
  if (installable.length > 0) install(installable, obstacles, host);
  for (const group of chosen) {
    for (const tool of group.tools.filter((tool) => isMissing(tool, host))) {
      host.say(missingLine(tool.program, tool.debian, group.withoutThem, obstacles.get(tool.debian)));
    }
  }
  if (wantsKernel) provideKernel(host);
}

function prepareNative(host: Host): void {
  const { built, reason } = host.buildNative({ log: () => undefined });
  const [firstLine = reason] = reason.split('\n');
  if (!built) host.say(`Native hasher ${firstLine}. Hashing is slower, all else is the same.`);
  else if (!firstLine.startsWith('up to date')) host.say(`Native hasher ${firstLine}.`);
}

function missingTools(chosen: readonly Group[], host: Host): Tool[] {
  const tools = new Map(chosen.flatMap((group) => group.tools.map((tool) => [tool.program, tool])));
  return [...tools.values()].filter((tool) => isMissing(tool, host));
}

function isMissing(tool: Tool, host: Host): boolean {
  return versionFound(tool, host) !== (tool.version ?? 'any');
}

/** What the program calls itself; `any` when the version does not matter; undefined when it is not there. */
function versionFound(tool: Tool, host: Host): string | undefined {
  const folder = host.programFolders.find((folder) => existsSync(join(folder, tool.program)));
  if (folder === undefined) return undefined;
  if (tool.version === undefined) return 'any';
  const printed = host.run(join(folder, tool.program), ['-V']).output;
  return /mkfs\.erofs (?:\(erofs-utils\) )?v?(\d[\w.]*)/.exec(printed)?.[1] ?? 'of unknown version';
}

function hasKernel(host: Host): boolean {
  return findKernel(host.systemRoot, host.kernelCacheFolder) !== undefined;
}

function updateLists(host: Host): void {
  host.say('Updating the package lists (apt-get update) ...');
  host.run('apt-get', [...aptLimits, '-q', 'update']);
}

/** Why apt-get need not even be tried, or undefined. */
function obstacleTo(tool: Tool, host: Host): string | undefined {
  if (!host.isDebian) return 'this is not Debian';
  const found = versionFound(tool, host);
  if (found !== undefined) return `version ${found} is installed and not replaced`;
  return host.isRoot ? undefined : 'not running as root';
}

/** Notes for each package why it could not be installed. */
function install(
  installable: readonly string[],
  obstacles: Map<string, string | undefined>,
  host: Host,
): void {
  host.say(`Installing ${installable.join(', ')} (apt-get install) ...`);
  const together = aptInstall(installable, host);
  if (together === undefined) return;
  // One that this release of Debian lacks must not keep the others away; without a network a second try is no use.
  const again = installable.length > 1 && !/fetch|resolve|connect|timed out/i.test(together);
  for (const debian of installable) {
    obstacles.set(debian, again ? aptInstall([debian], host) : together);
  }
}

function aptInstall(packages: readonly string[], host: Host): string | undefined {
  const words = [...aptLimits, '-q', '-y', '--no-install-recommends', 'install', ...packages];
  const run = host.run('apt-get', words);
  return run.status === 0 ? undefined : lastComplaint(run.output);
}

/** Waits for another apt-get that runs, but not for a network that is not there. */
const aptLimits = [
  '-o',
  'DPkg::Lock::Timeout=120',
  '-o',
  'Acquire::Retries=1',
  '-o',
  'Acquire::http::Timeout=15',
];

function provideKernel(host: Host): void {
  let obstacle: string | undefined = 'this is not Debian';
  if (host.isDebian) {
    host.say(`Unpacking ${KERNEL_PACKAGE}'s kernel below ${host.kernelCacheFolder}, not installing it ...`);
    obstacle = fetchKernel(host.kernelCacheFolder, host.run);
  }
  if (!hasKernel(host)) {
    host.say(missingLine('a Debian cloud kernel', KERNEL_PACKAGE, groups.machine.withoutThem, obstacle));
  }
}

function missingLine(what: string, debian: string, skipped: string, because: string | undefined): string {
  return (
    `Missing: ${what} (${because ?? 'still not found after its installation'}). Skipped because of it: ${skipped}. ` +
    `To install, on Debian 12 as root: apt-get install --no-install-recommends ${debian}`
  );
}

function thisHost(): Host {
  const isLinux = process.platform === 'linux';
  return {
    isRoot: process.getuid?.() === 0,
    isDebian:
      isLinux &&
      existsSync('/etc/os-release') &&
      /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8')),
    isX64: isLinux && process.arch === 'x64',
    // A user's PATH on Debian lacks the folders of veritysetup.
    programFolders: [...(process.env['PATH'] ?? '').split(':').filter(Boolean), '/usr/sbin', '/sbin'],
    systemRoot: '/',
    kernelCacheFolder: kernelCacheFolder(),
    run,
    buildNative,
    say: (line) => console.error(line),
  };
}

function run(program: string, words: readonly string[], folder?: string): { status: number; output: string } {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const done = spawnSync(program, words, {
    encoding: 'utf8',
    timeout: 600_000,
    stdio: [...stdio],
    env,
    cwd: folder,
  });
  if (done.error) return { status: 1, output: `E: ${program}: ${done.error.message}` };
  return { status: done.status ?? 1, output: `${done.stdout}\n${done.stderr}` };
}
