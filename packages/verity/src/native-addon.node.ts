/** Finds, proves and loads the native addon; says why not when it does not. */
import { createHash, hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { env } from 'node:process';
import { addonPath, isBuiltFrom, nativeSourceSha256 } from './native-sources.node.ts';

/** The functions of native/addon.c. They throw RangeError for arguments that do not fit. */
export interface NativeAddon {
  /** The kernels that this processor can run. */
  readonly kernels: readonly string[];
  readonly sourceSha256: string;
  readonly streamStateSizeBytes: number;
  readonly hashBlocks: (
    kernel: string,
    salt: Uint8Array,
    blockSizeBytes: number,
    data: Uint8Array,
    out: Uint8Array,
  ) => void;
  /** The rest needs the kernel "sha-ni". */
  readonly hashBlocksAndStream?: (
    kernel: string,
    salt: Uint8Array,
    blockSizeBytes: number,
    data: Uint8Array,
    out: Uint8Array,
    state: Uint8Array,
  ) => void;
  readonly streamStart?: (state: Uint8Array) => void;
  readonly streamUpdate?: (state: Uint8Array, bytes: Uint8Array) => void;
  readonly streamFinish?: (state: Uint8Array, out: Uint8Array) => void;
  /** Begins to copy; `numbers` has eight for each file, in the order of native/copy.h. */
  readonly copyFiles?: (
    salt: Uint8Array,
    blockSizeBytes: number,
    descriptor: number,
    leavesOffsetBytes: number,
    threads: number,
    paths: Uint8Array,
    numbers: BigUint64Array,
  ) => { readonly handle: unknown; readonly done: Promise<NativeCopyAnswer> };
  readonly copyProgress?: (handle: unknown) => readonly [doneBytes: number, file: number];
  readonly copyStop?: (handle: unknown) => void;
}

export interface NativeCopyAnswer {
  /** What ended it: `done`, or one of `enum copy_step`. */
  readonly step: string;
  readonly errno: number;
  readonly file: number;
  readonly bytes: number;
  /** 32 bytes a file. */
  readonly digests: Uint8Array;
}

export const streamKernel = 'sha-ni';

/** The addon, proven and with its fastest kernel; or the reason why there is none. */
export type NativeState =
  | { readonly addon: NativeAddon; readonly kernel: string; readonly reason: string }
  | { readonly addon: undefined; readonly reason: string };

let state: NativeState | undefined;

/** Loads the addon at the first call, and answers the same from then on. Never throws. */
export function nativeState(): NativeState {
  if (env['VITRINE_NATIVE'] === 'never') return none('VITRINE_NATIVE is "never"');
  state ??= loadAddon(addonPath);
  return state;
}

/** What `nativeState` does at its first call, for any addon file. */
export function loadAddon(path: string): NativeState {
  try {
    if (!existsSync(path)) return none(`${path} is not there: scripts/build-native.ts builds it`);
    if (!isBuiltFrom(nativeSourceSha256(), readFileSync(path))) {
      return none(`${path} was built from other sources: scripts/build-native.ts builds it anew`);
    }
    const addon = createRequire(import.meta.url)(path) as NativeAddon;
    if (addon.kernels.length === 0) return none('this processor has none of the kernels');
    const failure = selfTest(addon);
    if (failure !== undefined) return none(`the self-test of ${path} failed: ${failure}`);
    const kernel = fastestKernel(addon);
    return { addon, kernel, reason: `kernels of this processor: ${addon.kernels.join(', ')}` };
  } catch (error) {
    return none(`${path} could not be loaded: ${String(error)}`);
  }
}

function none(reason: string): NativeState {
  return { addon: undefined, reason };
}

/** Compares every kernel with node:crypto where messages are cut differently; answers what differs. */
function selfTest(addon: NativeAddon): string | undefined {
  const blockCount = 19; // More than one round of sixteen lanes, and odd.
  for (const blockSizeBytes of [64, 1024]) {
    const data = pattern(blockCount * blockSizeBytes);
    for (const saltSizeBytes of [0, 32, 56, 64, 201]) {
      const salt = pattern(saltSizeBytes);
      const expected = Buffer.alloc(blockCount * 32);
      for (let index = 0; index < blockCount; index += 1) {
        const block = data.subarray(index * blockSizeBytes, (index + 1) * blockSizeBytes);
        expected.write(hash('sha256', Buffer.concat([salt, block]), 'binary'), index * 32, 'latin1');
      }
      for (const kernel of addon.kernels) {
        const out = Buffer.alloc(expected.length);
        addon.hashBlocks(kernel, salt, blockSizeBytes, data, out);
        const where = `${kernel}, blocks of ${blockSizeBytes}, salt of ${saltSizeBytes} bytes`;
        if (!out.equals(expected)) return where;
        if (kernel !== streamKernel) continue;
        out.fill(0);
        if (!streamIsRight(addon, salt, blockSizeBytes, data, out)) return `${where}, stream`;
        if (!out.equals(expected)) return `${where}, beside a stream`;
      }
    }
  }
  return undefined;
}

function streamIsRight(
  addon: NativeAddon,
  salt: Uint8Array,
  blockSizeBytes: number,
  data: Uint8Array,
  out: Uint8Array,
): boolean {
  const { streamStart, streamUpdate, streamFinish, hashBlocksAndStream } = addon;
  if (!streamStart || !streamUpdate || !streamFinish || !hashBlocksAndStream) return false;
  const before = data.subarray(0, salt.length % 97); // So that the stream's pieces do not begin where blocks do.
  const stream = Buffer.alloc(addon.streamStateSizeBytes);
  const digest = Buffer.alloc(32);
  streamStart(stream);
  streamUpdate(stream, before);
  hashBlocksAndStream(streamKernel, salt, blockSizeBytes, data, out, stream);
  streamFinish(stream, digest);
  return digest.equals(createHash('sha256').update(before).update(data).digest());
}

/** The kernel that hashes 4096-byte blocks fastest here: which one it is differs between processors. */
function fastestKernel(addon: NativeAddon): string {
  const blockSizeBytes = 4096;
  const data = new Uint8Array(32 * blockSizeBytes);
  const out = new Uint8Array(32 * 32);
  const salt = new Uint8Array(32);
  let best = { kernel: addon.kernels[0]!, nanoseconds: Infinity };
  for (const kernel of addon.kernels) {
    for (let round = 0; round < 4; round += 1) {
      const start = process.hrtime.bigint();
      addon.hashBlocks(kernel, salt, blockSizeBytes, data, out);
      const nanoseconds = Number(process.hrtime.bigint() - start);
      if (nanoseconds < best.nanoseconds) best = { kernel, nanoseconds };
    }
  }
  return best.kernel;
}

function pattern(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 1) bytes[at] = at * 167 + (at >> 8) * 59 + 13;
  return bytes;
}
