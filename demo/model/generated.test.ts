import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { generateModel } from './generated.ts';

interface Tensor {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

describe('a generated model', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-model-'));
    generateModel(join(folder, 'a'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('has weights in the safetensors format: tensors without gaps that fill the file', () => {
    const bytes = readFileSync(join(folder, 'a/model.safetensors'));
    const headerBytes = Number(bytes.readBigUInt64LE());
    assert.equal(headerBytes % 8, 0);
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<string, Tensor>;
    let end = 0;
    for (const [name, tensor] of Object.entries(header).filter(([name]) => name !== '__metadata__')) {
      assert.equal(tensor.dtype, 'F32');
      assert.equal(tensor.data_offsets[0], end, name);
      end = tensor.data_offsets[1];
      assert.equal(
        end - tensor.data_offsets[0],
        4 * tensor.shape.reduce((product, size) => product * size, 1),
      );
    }
    assert.equal(8 + headerBytes + end, bytes.length);
  });

  test('has a token for every byte and none twice', () => {
    const tokenizer = JSON.parse(readFileSync(join(folder, 'a/tokenizer.json'), 'utf8')) as {
      model: { vocab: Record<string, number> };
    };
    const config = JSON.parse(readFileSync(join(folder, 'a/config.json'), 'utf8')) as { vocab_size: number };
    const ids = Object.values(tokenizer.model.vocab).sort((a, b) => a - b);
    assert.deepEqual(
      ids,
      Array.from({ length: config.vocab_size }, (_, index) => index),
    );
  });

  test('has the same bytes every time', () => {
    generateModel(join(folder, 'b'));
    for (const name of readdirSync(join(folder, 'a'))) {
      assert.ok(readFileSync(join(folder, 'a', name)).equals(readFileSync(join(folder, 'b', name))), name);
    }
  });
});
