/** Small devices in memory, for tests. */
import {
  createTreeHashers,
  encodeSuperblock,
  HashTreeBuilder,
  MemoryStore,
  treeGeometry,
  type ByteSource,
  type DeviceUnderTest,
  type VerityParameters,
} from '../src/index.node.ts';
import { noise } from './veritysetup.ts';

/** 512-byte blocks: sixteen digests in a hash block, so that few data make many levels. */
export const smallParameters = {
  hashType: 1,
  algorithm: 'sha256',
  dataBlockSizeBytes: 512,
  hashBlockSizeBytes: 512,
  dataBlockCount: 300,
  salt: noise(32, 9),
} as const satisfies VerityParameters;

export interface MemoryDevice extends DeviceUnderTest {
  readonly dataBytes: Uint8Array;
  /** Superblock and tree; the hash area begins at 0. */
  readonly hashBytes: Uint8Array;
}

export function deviceInMemory(parameters: VerityParameters, dataBytes?: Uint8Array): MemoryDevice {
  const content = dataBytes ?? noise(parameters.dataBlockCount * parameters.dataBlockSizeBytes);
  const geometry = treeGeometry(parameters, { hashOffsetBytes: 0, superblock: true });
  const store = new MemoryStore(geometry);
  const hashers = createTreeHashers(parameters);
  const builder = new HashTreeBuilder({ parameters, geometry, hashers, store });
  builder.addBlocks(0, content);
  const rootHash = builder.finish();
  store.write(0, encodeSuperblock(parameters));
  return {
    parameters,
    geometry,
    hashers,
    rootHash,
    dataBytes: content,
    hashBytes: store.bytes,
    data: sourceOf(content),
    tree: sourceOf(store.bytes),
  };
}

export function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    read: (offsetBytes, lengthBytes) => {
      if (offsetBytes + lengthBytes > bytes.length) throw new RangeError('read behind the end');
      return bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
    },
  };
}
