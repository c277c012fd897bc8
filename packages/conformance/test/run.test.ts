/** The command's frame: words, malformed input, capabilities. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { utf8 } from '@vitrine/bytes';
import { capabilities, run } from '../src/index.ts';
import { stages } from '../src/stages/index.ts';

const now = new Date(0);
const main = new URL('../src/main.ts', import.meta.url).pathname;

function statusOf(stage: string, input: string): Promise<number> {
  return run([stage], () => utf8(input), { now }).then(({ exitStatus }) => exitStatus);
}

test('a stage that is not known is not supported', async () => {
  for (const word of ['', 'verify-everything', 'toString', '__proto__'])
    assert.equal(await statusOf(word, '{"schema_version": "1"}'), 20, word);
  const { exitStatus, message } = await run(['verify-measurement', 'more'], () => utf8('{}'), { now });
  assert.equal(exitStatus, 20);
  assert.match(message ?? '', /Supported: capabilities, /);
});

test('input that is no JSON, of another version, or ambiguous is malformed at every stage', async () => {
  const malformed = [
    '',
    'x',
    '[]',
    '{}',
    '{"schema_version": 1}',
    '{"schema_version": "2"}',
    '{"schema_version": "1", "schema_version": "1"}',
    '{"schema_version": "1", "surprise": true}',
    '{"schema_version": "1"} {}',
  ];
  for (const stage of Object.keys(stages))
    for (const input of malformed) assert.equal(await statusOf(stage, input), 30, `${stage}: ${input}`);
});

test('capabilities name every stage of the contract that is here, and read nothing', async () => {
  const { exitStatus, output } = await run(
    ['capabilities'],
    () => {
      throw new Error('read');
    },
    { now },
  );
  assert.equal(exitStatus, 0);
  assert.deepEqual(output, capabilities);
  const { stages_supported: named } = capabilities as { stages_supported: string[] };
  for (const stage of named) assert.ok(stage in stages, stage);
});

test('the command as a process: JSON on standard output, the reason on standard error, the status', () => {
  const input = JSON.stringify({
    schema_version: '1',
    report_data_hex: `${'11'.repeat(32)}${'22'.repeat(32)}`,
    offered_hpke_public_key_hex: '33'.repeat(32),
  });
  const finished = spawnSync(process.execPath, [main, 'verify-ehbp-key-binding'], {
    input,
    encoding: 'utf8',
  });
  assert.equal(finished.status, 10);
  assert.deepEqual(JSON.parse(finished.stdout), {
    stage: 'verify-ehbp-key-binding',
    accepted: false,
    rejection: { code: 'EHBP_KEY_BINDING_MISMATCH' },
  });
  assert.match(finished.stderr, /The server offers the HPKE key 3333/);
  const malformed = spawnSync(process.execPath, [main, 'verify-measurement'], {
    input: '{',
    encoding: 'utf8',
  });
  assert.equal(malformed.status, 30);
  assert.equal(malformed.stdout, '');
});
