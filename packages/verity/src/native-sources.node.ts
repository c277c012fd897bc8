/** What the native addon is made of. The build compiles the sources' hash in, and the loader compares it. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { arch, platform } from 'node:process';
import { fileURLToPath } from 'node:url';

/** The folder of the C sources. From `src` as from a compiled folder beside it. */
export const nativeFolder = fileURLToPath(new URL('../native/', import.meta.url));

/** Where the addon for this machine is built. */
export const addonPath = `${nativeFolder}build/vitrine-hash-${platform}-${arch}.node`;

/** Arguments of the C compiler, but for folders and files. Vectors stay inside of one file: their ABI is no matter. */
export const compilerFlags: readonly string[] = [
  '-std=gnu11',
  '-O3',
  '-fPIC',
  '-shared',
  '-pthread',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wno-psabi',
];

/** The C files, in the order of their names. Throws the system's error when the folder can not be read. */
export function nativeSourceNames(): string[] {
  return readdirSync(nativeFolder)
    .filter((name) => /\.[ch]$/u.test(name))
    .sort();
}

/** SHA-256, in hexadecimal digits, of the sources' names and bytes and of the compiler's flags. */
export function nativeSourceSha256(): string {
  const hash = createHash('sha256');
  const add = (part: string | Uint8Array) => {
    hash.update(`${Buffer.byteLength(part)}\n`).update(part);
  };
  compilerFlags.forEach(add);
  for (const name of nativeSourceNames()) {
    add(name);
    add(readFileSync(nativeFolder + name));
  }
  return hash.digest('hex');
}

/** Whether the addon in the file was built from these sources. It is not loaded for that. */
export function isBuiltFrom(sourceSha256: string, addon: Uint8Array): boolean {
  return Buffer.from(addon.buffer, addon.byteOffset, addon.byteLength).includes(sourceSha256, 0, 'latin1');
}
