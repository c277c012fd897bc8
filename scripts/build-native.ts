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
  if (platform !== 'linux') return skipped(`there is a build for Linux only, this is ${platform}`);
  const sourceSha256 = nativeSourceSha256();
  if (existsSync(addonPath) && isBuiltFrom(sourceSha256, readFileSync(addonPath))) {
    return { built: true, reason: `up to date (${addonPath})` };
  }
  if (!existsSync(`${headers}/node_api.h`)) return skipped(`Node's headers are not in ${headers}`);
  const compiler = findCompiler();
  if (compiler === undefined) return skipped('there is no C compiler (cc or gcc)');

  mkdirSync(dirname(addonPath), { recursive: true });
  const temporary = `${addonPath}.${process.pid}.tmp`;
  const sources = nativeSourceNames().filter((name) => name.endsWith('.c'));
  const words = [
    ...compilerFlags,
    `-DVITRINE_SOURCE_SHA256="${sourceSha256}"`,
    `-I${headers}`,
    '-o',
    temporary,
    ...sources,
  ];
  try {
    log(`Native hasher: ${compiler} compiles ${sources.join(' ')} ...`);
    const run = spawnSync(compiler, words, { cwd: nativeFolder, encoding: 'utf8', timeout: 120_000 });
    if (run.status !== 0) {
      const ending = run.error?.message ?? `status ${run.status ?? run.signal ?? 'unknown'}`;
      return skipped(`${compiler} failed (${ending})\n${run.stderr}`);
    }
    renameSync(temporary, addonPath); // Whoever has the old one loaded keeps it.
    return { built: true, reason: `built (${addonPath})` };
  } finally {
    rmSync(temporary, { force: true });
  }
}

function findCompiler(): string | undefined {
  return ['cc', 'gcc'].find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

function skipped(why: string): NativeBuild {
  return { built: false, reason: `not built: ${why}` };
}

if (import.meta.main) process.exitCode = buildNative({ log: (line) => console.error(line) }).built ? 0 : 1;
