import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ReadFile, writeImage } from './image.ts';
import { planImage } from './layout.ts';
import { openImage } from './reader.ts';
import { type FileNode } from './tree.ts';

const uuid = new Uint8Array(16).fill(7);

/** Files whose source is their content. */
function layoutOf(contents: Readonly<Record<string, Uint8Array>>): ReturnType<typeof planImage<Uint8Array>> {
  const entries = Object.entries(contents).map(([name, source]) => {
    const node: FileNode<Uint8Array> = { kind: 'file', permissions: 0o644, sizeBytes: source.length, source };
    return { name: Buffer.from(name), node };
  });
  return planImage({ kind: 'directory', permissions: 0o755, entries }, uuid);
}

const fromMemory: ReadFile<Uint8Array> = (source, offsetBytes, lengthBytes) =>
  source.subarray(offsetBytes, offsetBytes + lengthBytes);

function patterned(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 31 + (i >>> 8) + sizeBytes) & 0xff);
}

async function collected(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const list: Uint8Array[] = [];
  for await (const piece of pieces) list.push(piece);
  return list;
}

function written(contents: Readonly<Record<string, Uint8Array>>, read = fromMemory): Promise<Uint8Array[]> {
  return collected(writeImage(layoutOf(contents), read));
}

test('what is written is what the reader finds', async () => {
  const contents: Record<string, Uint8Array> = {};
  for (const sizeBytes of [0, 1, 4064, 4065, 4096, 4097, 2 ** 20, 2 ** 20 + 1, 3 * 2 ** 20 + 5000])
    contents[`f${sizeBytes}`] = patterned(sizeBytes);
  const bytes = new Uint8Array(Buffer.concat(await written(contents)));
  const image = await openImage({
    sizeBytes: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  });
  for (const [name, content] of Object.entries(contents)) {
    const found = Buffer.concat(await collected(image.readFile(await image.stat(name))));
    assert.ok(found.equals(content), name);
  }
});

test('pieces are whole blocks, of 1 MiB at most, and together the image', async () => {
  const contents = { small: patterned(10), large: patterned(2_500_000) };
  const pieces = await written(contents);
  for (const { length } of pieces) {
    assert.equal(length % 4096, 0);
    assert.ok(length > 0 && length <= 2 ** 20);
  }
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  assert.equal(total, layoutOf(contents).blockCount * 4096);
});

test('what follows a file in its last block is zero', async () => {
  const [, data] = await written({ f: new Uint8Array(4070).fill(0xff) });
  assert.ok(data !== undefined);
  assert.deepEqual(
    data.subarray(4065),
    new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, ...new Uint8Array(26)]),
  );
});

test('a source that answers later is waited for', async () => {
  const contents = { a: patterned(5000), b: patterned(100) };
  const slowly: ReadFile<Uint8Array> = async (...question) => {
    await new Promise((resolve) => setImmediate(resolve));
    return fromMemory(...question);
  };
  assert.deepEqual(await written(contents, slowly), await written(contents));
});

test('every byte of every file is read once, and none beyond its end', async () => {
  const contents = {
    a: patterned(5000),
    b: patterned(100),
    c: patterned(2_000_000),
    d: patterned(0),
    e: patterned(4065),
  };
  const readFrom = new Map<Uint8Array, Set<number>>();
  const readBytes = new Map<Uint8Array, number>();
  await written(contents, (source, offsetBytes, lengthBytes) => {
    assert.ok(lengthBytes > 0 && offsetBytes + lengthBytes <= source.length);
    const offsets = readFrom.get(source) ?? new Set();
    assert.ok(!offsets.has(offsetBytes), 'no place twice');
    readFrom.set(source, offsets.add(offsetBytes));
    readBytes.set(source, (readBytes.get(source) ?? 0) + lengthBytes);
    return fromMemory(source, offsetBytes, lengthBytes);
  });
  for (const content of Object.values(contents)) assert.equal(readBytes.get(content) ?? 0, content.length);
});

for (const [what, sizeBytes] of [
  ['inline data', 100],
  ['a block of its own', 4065],
  ['several pieces', 3_000_000],
] as const) {
  test(`a file with ${what} that gives one byte too few or too many ends the writing`, async () => {
    for (const wrong of [-1, 1]) {
      const unexpected = (_: Uint8Array, offsetBytes: number, lengthBytes: number): Uint8Array =>
        new Uint8Array(offsetBytes + lengthBytes >= sizeBytes ? lengthBytes + wrong : lengthBytes);
      await assert.rejects(written({ f: patterned(sizeBytes) }, unexpected), {
        name: 'ErofsError',
        code: 'TREE_INVALID',
        message: new RegExp(`was said to have ${sizeBytes} bytes`),
      });
    }
  });
}

test('an error of the source is given on as it is', async () => {
  const cause = new Error('disk on fire');
  const failing = (): never => {
    throw cause;
  };
  await assert.rejects(written({ f: patterned(5000) }, failing), cause);
});
