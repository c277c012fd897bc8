import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { noise, temporaryFolder } from '../test/veritysetup.ts';
import { ClaimBoard, cutIntoClaims } from './file-task.node.ts';
import { runFileTask } from './file-workers.node.ts';
import type { VerityParameters } from './parameters.ts';

const parameters: VerityParameters = {
  hashType: 1,
  algorithm: 'sha256',
  dataBlockSizeBytes: 4096,
  hashBlockSizeBytes: 4096,
  dataBlockCount: 1024,
  salt: new Uint8Array(0),
};
const placement = { hashOffsetBytes: 0, superblock: true };

test('what is thrown inside of a thread arrives with its code, and all threads end', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const hashPath = folder.path('hash');
  writeFileSync(dataPath, noise(4096 * 1024));
  writeFileSync(hashPath, '');
  const task = { kind: { name: 'format' }, dataPath, hashPath, parameters, placement } as const;
  const broken = { ...parameters, salt: undefined as unknown as Uint8Array };

  await assert.rejects(runFileTask({ ...task, parameters: broken }, { jobs: 2 }), {
    name: 'VerityError',
    code: 'WORKER_FAILED',
    message: /A worker on .*data failed: TypeError/u,
  });
  const short = { ...parameters, dataBlockCount: 1025 };
  await assert.rejects(runFileTask({ ...task, parameters: short }, { jobs: 3 }), { code: 'TRUNCATED' });
  rmSync(hashPath);
  await assert.rejects(runFileTask(task, { jobs: 2 }), { code: 'IO', message: /Opening .*hash to write/u });
  // A thread that goes on would keep this test's process from ending.
});

test('claims cover the data exactly, for every size and number of threads', () => {
  for (const dataBlockSizeBytes of [512, 4096, 524_288]) {
    for (const dataBlockCount of [1, 2, 255, 4097, 2 ** 33, Math.floor((2 ** 53 - 1) / dataBlockSizeBytes)]) {
      for (const jobs of [1, 2, 7, 256]) {
        const { claimBlocks, claimCount } = cutIntoClaims(
          { ...parameters, dataBlockSizeBytes, dataBlockCount },
          jobs,
        );
        assert.ok(Number.isInteger(claimBlocks) && claimBlocks >= 1);
        assert.ok(
          (claimCount - 1) * claimBlocks < dataBlockCount && claimCount * claimBlocks >= dataBlockCount,
        );
        assert.ok(claimCount < 2 ** 31);
      }
    }
  }
});

test('claims are handed out once, in order, and not behind the lowest corruption', () => {
  const board = new ClaimBoard();
  const twin = new ClaimBoard(board.shared);
  assert.deepEqual([board.take(9), twin.take(9), board.take(9)], [0, 1, 2]);
  twin.corrupt(7);
  board.corrupt(5);
  twin.corrupt(6);
  assert.deepEqual([board.take(9), twin.take(9), board.take(9), twin.take(9)], [3, 4, undefined, undefined]);
});

test('no claim is handed out behind the last one, or after a stop', () => {
  const board = new ClaimBoard();
  assert.deepEqual([board.take(1), board.take(1)], [0, undefined]);
  const stopped = new ClaimBoard();
  stopped.stop();
  assert.equal(stopped.take(5), undefined);
});
