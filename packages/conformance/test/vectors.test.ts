/** Every vector of the suite's folder, for the stages that are here. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { run } from '../src/run.ts';
import { stages } from '../src/stages/index.ts';

/** The time is in the vectors: this one would make every certificate invalid. */
const now = new Date(0);
const folder = new URL('../../../../shared/fixtures/conformance/vectors/', import.meta.url).pathname;

test(
  'the vectors of the conformance suite are there',
  { skip: !existsSync(folder) && `no vectors at ${folder}` },
  () => {
    assert.ok(readdirSync(folder).length > 0);
  },
);

for (const group of existsSync(folder) ? readdirSync(folder) : []) {
  describe(group, () => {
    for (const id of readdirSync(join(folder, group))) {
      const vector = readVector(join(folder, group, id));
      const skip = !(vector.stage in stages) && `stage ${vector.stage} is not here yet`;
      test(id, { skip }, async () => {
        const { exitStatus, output, message } = await run([vector.stage], () => vector.input, { now });
        assert.equal(exitStatus, vector.exitStatus, message);
        if (vector.exitStatus === 10) {
          const { rejection } = output as { rejection: { code: string; stage?: string } };
          assert.ok(
            vector.codes.includes(rejection.code),
            `${rejection.code} is none of ${vector.codes.join(', ')}`,
          );
          if (vector.part !== undefined) assert.equal(rejection.stage, vector.part);
        }
        if (vector.exitStatus === 0) requireSubset(vector.expected, output, 'output');
      });
    }
  });
}

interface Vector {
  readonly stage: string;
  readonly input: Uint8Array;
  readonly exitStatus: number;
  readonly codes: readonly string[];
  /** Which part of the stage rejects, where the vector says so. */
  readonly part: string | undefined;
  readonly expected: unknown;
}

function readVector(path: string): Vector {
  const manifest = readFileSync(join(path, 'manifest.yaml'), 'utf8');
  const stage = /^stage: (\S+)$/m.exec(manifest)![1]!;
  const exitStatus = Number(/^ {2}exit_code: (\d+)$/m.exec(manifest)![1]);
  const codes = /^ {2}rejection_code: (.*)$/m.exec(manifest)?.[1] ?? '';
  const expectedPath = join(path, 'expected.json');
  return {
    stage,
    input: new Uint8Array(readFileSync(join(path, 'input.json'))),
    exitStatus,
    codes: codes.match(/[A-Z0-9_]+/g) ?? [],
    part: /^ {2}rejection_stage: "?([a-z-]+)"?$/m.exec(manifest)?.[1],
    expected: existsSync(expectedPath) ? JSON.parse(readFileSync(expectedPath, 'utf8')) : {},
  };
}

/** The suite compares what it lists, hexadecimal digits in any case. */
function requireSubset(expected: unknown, found: unknown, path: string): void {
  if (typeof expected === 'string') {
    assert.equal(String(found).toLowerCase(), expected.toLowerCase(), path);
  } else if (typeof expected === 'object' && expected !== null) {
    assert.ok(typeof found === 'object' && found !== null, path);
    for (const [key, value] of Object.entries(expected))
      requireSubset(value, (found as Record<string, unknown>)[key], `${path}.${key}`);
  } else {
    assert.deepEqual(found, expected, path);
  }
}
