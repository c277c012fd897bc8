/** The oracle: cryptsetup's veritysetup, run on files. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VerityParameters } from '../src/index.ts';

const program = ['/usr/sbin/veritysetup', '/sbin/veritysetup'].find((path) => existsSync(path));

/** For a test's `skip`: false where the oracle is there. */
export const oracleIsMissing =
  program === undefined && 'veritysetup (Debian: cryptsetup-bin) is not installed';

export interface OracleDevice {
  readonly dataPath: string;
  readonly hashPath: string;
  readonly hashOffsetBytes: number;
  readonly superblock: boolean;
  readonly parameters: VerityParameters;
}

/** Formats and answers the root hash in hexadecimal digits. Throws when veritysetup refuses. */
export function formatWithOracle(device: OracleDevice): string {
  const { uuid } = device.parameters;
  const words = [...wordsOf(device), ...(device.superblock && uuid ? [`--uuid=${uuidText(uuid)}`] : [])];
  const output = execFileSync(program!, ['format', device.dataPath, device.hashPath, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  return /^Root hash:\s*([0-9a-f]+)$/mu.exec(output)![1]!;
}

/** Whether veritysetup verifies the device; its complaint, if it does not. */
export function verifyWithOracle(
  device: OracleDevice,
  rootHashHex: string,
): { intact: boolean; complaint: string } {
  const words = device.superblock ? [`--hash-offset=${device.hashOffsetBytes}`] : wordsOf(device);
  const run = spawnSync(program!, ['verify', device.dataPath, device.hashPath, rootHashHex, ...words], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { intact: run.status === 0, complaint: run.stderr };
}

function wordsOf({ hashOffsetBytes, superblock, parameters }: OracleDevice): string[] {
  const { algorithm, dataBlockSizeBytes, hashBlockSizeBytes, dataBlockCount, salt } = parameters;
  return [
    `--hash=${algorithm}`,
    `--data-block-size=${dataBlockSizeBytes}`,
    `--hash-block-size=${hashBlockSizeBytes}`,
    `--data-blocks=${dataBlockCount}`,
    `--salt=${salt.length === 0 ? '-' : Buffer.from(salt).toString('hex')}`,
    `--hash-offset=${hashOffsetBytes}`,
    ...(superblock ? [] : ['--no-superblock']),
  ];
}

function uuidText(uuid: Uint8Array): string {
  return Buffer.from(uuid)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, '$1-$2-$3-$4-$5');
}

/** A folder of its own, removed when it goes out of scope (`using`). */
export function temporaryFolder(): { path: (name: string) => string } & Disposable {
  // In memory where there is such a place: veritysetup waits for the disk at every file.
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = mkdtempSync(join(parent, 'vitrine-verity-'));
  return {
    path: (name) => join(folder, name),
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Bytes that look random, the same for the same seed. */
export function noise(sizeBytes: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, sizeBytes);
}
