/** Builds the native hasher of packages/verity with the machine's C compiler. Everything works without it, only slower. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { arch, platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import {
  addonPath,
  compilerFlags,
  isBuiltFrom,
  nativeFolder,
  nativeSourceNames,
  nativeSourceSha256,
} from '../packages/verity/src/native-sources.node.ts';

export interface NativeBuild {
  /** Whether an addon of the present sources is there now. */
  readonly built: boolean;
  /** Why, or why not. */
  readonly reason: string;
}

const headers = fileURLToPath(
  new URL(`../node_modules/node-${platform}-${arch}/include/node`, import.meta.url),
);

/**
 * Compiles the addon unless it is up to date. Never throws: what goes wrong is the answer's reason.
 * @param options.log takes one line for each thing done
 */
export function buildNative(options: { readonly log: (line: string) => void }): NativeBuild {
  try {
    const build = buildAddon(options.log);
    options.log(`Native hasher: ${build.reason}`);
    return build;
  } catch (error) {
    const reason = `not built: ${String(error)}`;
    options.log(`Native hasher: ${reason}`);
    return { built: false, reason };
  }
}

function buildAddon(log: (line: string) => void): NativeBuild {
  if (process.env['VITRINE_NATIVE'] === 'never') return skipped('VITRINE_NATIVE is "never"');
  if (platform !== 'linux' || arch !== 'x64') {
    return skipped(`its kernels are for Linux on x86-64, this is ${platform} on ${arch}`);
  }
  const sourceSha256 = nativeSourceSha256();
  if (existsSync(addonPath) && isBuiltFrom(sourceSha256, readFileSync(addonPath))) {
    return { built: true, reason: `up to date (${addonPath})` };
  }
  if (!existsSync(`${headers}/node_api.h`)) return skipped(`Node's headers are not in ${headers}`);
  const compilers = ['cc', 'gcc'].filter((name) => spawnSync(name, ['--version']).status === 0);
  if (compilers.length === 0) return skipped('there is no C compiler (cc or gcc)');

  mkdirSync(dirname(addonPath), { recursive: true });
  const temporary = `${addonPath}.${process.pid}.tmp`;
  try {
    const failures: string[] = [];
    for (const compiler of compilers) {
      log(`Native hasher: ${compiler} compiles ${nativeFolder} ...`);
      const failure = compile(compiler, sourceSha256, temporary);
      if (failure === undefined) {
        renameSync(temporary, addonPath); // Whoever has the old one loaded keeps it.
        return { built: true, reason: `built by ${compiler} (${addonPath})` };
      }
      failures.push(failure);
    }
    return skipped(failures.join('\n'));
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Answers what went wrong. */
function compile(compiler: string, sourceSha256: string, output: string): string | undefined {
  const sources = nativeSourceNames().filter((name) => name.endsWith('.c'));
  const source = `-DVITRINE_SOURCE_SHA256="${sourceSha256}"`;
  const words = [...compilerFlags, source, `-I${headers}`, '-o', output, ...sources];
  const run = spawnSync(compiler, words, { cwd: nativeFolder, encoding: 'utf8', timeout: 120_000 });
  if (run.status === 0) return undefined;
  const ending = run.error?.message ?? `status ${run.status ?? run.signal ?? 'unknown'}`;
  return `${compiler} failed (${ending})\n${run.stderr}`;
}

function skipped(why: string): NativeBuild {
  return { built: false, reason: `not built: ${why}` };
}

if (import.meta.main) process.exitCode = buildNative({ log: (line) => console.error(line) }).built ? 0 : 1;
