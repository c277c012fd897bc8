import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needed, Skipped, Steps } from './step.ts';

const skip = () => {
  throw new Skipped('there is no tool');
};
const fail = () => {
  throw new Error('bytes differ');
};

test('steps that were done or skipped end with status 0 and a line each', async () => {
  const lines: string[] = [];
  const steps = new Steps((line) => lines.push(line));
  assert.equal(await steps.run('One', () => ['seen', 7]), 7);
  assert.equal(await steps.run('Two', skip), undefined);
  assert.equal(steps.summarise(), 0);
  assert.deepEqual(lines.slice(-2), ['done     1. One', 'skipped  2. Two, because there is no tool']);
});

test('a step that failed makes the status 1, and the steps after it still run', async () => {
  const lines: string[] = [];
  const steps = new Steps((line) => lines.push(line));
  const value = await steps.run<string>('One', fail);
  await steps.run('Two', () => [needed<string>(value, 'the pack'), undefined]);
  await steps.run('Three', () => ['seen', undefined]);
  assert.equal(steps.summarise(), 1);
  assert.deepEqual(lines.slice(-3), [
    'FAILED   1. One: bytes differ',
    'skipped  2. Two, because the pack is missing, see above',
    'done     3. Three',
  ]);
});
