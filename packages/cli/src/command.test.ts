/** The words of the command line: what they mean, and what is said about those that mean nothing. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCommand } from './command.ts';

const COMMANDS = ['pack', 'check', 'inspect', 'ls', 'cat', 'extract'];

let folder: string;
let source: string;
/** Any file: these tests get no further than the words. */
let pack: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-words-'));
  source = join(folder, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'a'), 'a');
  pack = join(folder, 'x.mpk');
  writeFileSync(pack, '');
});
after(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  words: readonly string[],
  env: Record<string, string> = {},
  signal = new AbortController().signal,
): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const status = await runCommand(words, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: { HF_ENDPOINT: 'http://127.0.0.1:9', ...env },
    signal,
    writeBytes: () => assert.fail('no bytes were asked for'),
  });
  return { status, stdout, stderr };
}

test('help and version go to standard output with status 0', async () => {
  for (const words of [['--help'], ['help'], ...COMMANDS.map((command) => [command, '--help'])]) {
    const { status, stdout, stderr } = await run(words);
    assert.deepEqual([status, stderr], [0, ''], words.join(' '));
    assert.match(stdout, /^Usage: vitrine/);
  }
  const { status, stdout } = await run(['--version']);
  assert.equal(status, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('the help names every command', async () => {
  const { stdout } = await run(['--help']);
  for (const command of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
});

test('words that make no command give status 2, a hint on standard error, and nothing on standard output', async () => {
  const named = ['pack', source, '--name', 'a/b@c'];
  const wrong = [
    [],
    ['paint'],
    ['pack'],
    ['check'],
    ['cat', pack],
    [...named, 'superfluous'],
    ['pack', source, '--nmae', 'a/b@c'],
    ['pack', source, '--name'],
    ...['0', '-1', '1.5', '257', '', 'many', '1e1x'].map((jobs) => [...named, '--jobs', jobs]),
  ];
  for (const words of wrong) {
    const { status, stdout, stderr } = await run(words);
    assert.deepEqual([status, stdout], [2, ''], words.join(' '));
    assert.ok(stderr.length > 0);
    assert.doesNotMatch(stderr, /^\s+at /m);
  }
});

test('words that contradict one another give status 2 and say how', async () => {
  const wrong: [string[], RegExp][] = [
    [['pack', source], /^USAGE: .*--name owner\/name@revision/],
    [['pack', source, '--name', 'a/b@c', '--revision', 'main'], /^USAGE: --revision is for the Hub/],
    [['pack', 'acme/tiny', '--name', 'a/b@c'], /^USAGE: --name is for folders/],
    [['pack', 'acme/tiny@v1', '--revision', 'v2'], /^USAGE: .*given twice: v1 in the name, v2/],
    [['check', pack, 'a'.repeat(64), '--manifest', 'm.json'], /^USAGE: .*not both/],
    [['pack', source, '--name', '../b@c'], /^NAME_INVALID: /],
    [['pack', 'gpt2'], /^SOURCE_MISSING: gpt2 does not exist.*owner\/name/],
    [['pack', './acme/tiny', '--name', 'a/b@c'], /^SOURCE_MISSING: /],
    [['pack', 'a/b/c'], /^SOURCE_MISSING: /],
    [['pack', pack, '--name', 'a/b@c'], /^SOURCE_MISSING: .*not a folder/],
    [['pack', 'acme/tiny@'], /^PARAMETER_INVALID: /],
    [['pack', 'acme/tiny@refs/pr/'], /^PARAMETER_INVALID: "refs\/pr\/"/],
    [['pack', 'acme/tiny', '--revision', '../x'], /^PARAMETER_INVALID: /],
    [['pack', '-acme/tiny', '--'], /unknown option/],
  ];
  for (const [words, message] of wrong) {
    const { status, stdout, stderr } = await run(words);
    assert.deepEqual([status, stdout], [2, ''], words.join(' '));
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /^\s+at /m);
  }
  assert.deepEqual(readdirSync(folder).sort(), ['source', 'x.mpk']);
});

test('an endpoint or a token that cannot be is refused without being repeated', async () => {
  const token = 'hf_secret\nInjected: header';
  const wrong: [Record<string, string>, RegExp][] = [
    [{ HF_TOKEN: token }, /^PARAMETER_INVALID: The access token/],
    [{ HF_TOKEN: 'hf_secret', HF_ENDPOINT: 'http://hub.example' }, /clear text/],
    [{ HF_ENDPOINT: 'ftp://hub.example' }, /^PARAMETER_INVALID: The Hub endpoint/],
    [{ HF_ENDPOINT: 'https://user:hf_secret@hub.example' }, /^PARAMETER_INVALID: The Hub endpoint/],
  ];
  for (const [env, message] of wrong) {
    const { status, stdout, stderr } = await run(['pack', 'acme/tiny', '--json'], env);
    assert.equal(status, 2, stderr);
    assert.match(stderr, message);
    assert.ok(!`${stdout}${stderr}`.includes('hf_secret'));
  }
});

test('--json ends a failure with its error event on standard output, and its sentence on standard error', async () => {
  const { status, stdout, stderr } = await run(['pack', source, '--name', 'nobody', '--json']);
  assert.equal(status, 2);
  const { event, code, message } = JSON.parse(stdout) as Record<string, string>;
  assert.deepEqual([event, code], ['error', 'NAME_INVALID']);
  assert.equal(stderr, `NAME_INVALID: ${message}\n`);
});

test('a pack that is not there could not be checked, which is not the same as wrong', async () => {
  const missing = join(folder, 'missing.mpk');
  for (const words of [
    ['check', missing],
    ['inspect', missing],
    ['ls', missing],
    ['cat', missing, 'x'],
    ['extract', missing, join(folder, 'x')],
  ]) {
    const { status, stdout, stderr } = await run(words);
    assert.deepEqual([status, stdout], [3, '']);
    assert.match(stderr, /^PACK_UNREADABLE: .*missing\.mpk/);
  }
});

test('what was interrupted has status 130 and leaves nothing', async () => {
  const out = join(folder, 'interrupted');
  const words = ['pack', source, '--name', 'acme/tiny@r1', '--out', out];
  const { status, stdout, stderr } = await run(words, {}, AbortSignal.abort());
  assert.deepEqual([status, stdout], [130, '']);
  assert.match(stderr, /^ABORTED: [^\n]+\n$/);
  assert.equal((await run(words)).status, 0);
  const check = await run(['check', join(out, 'acme', 'tiny', 'r1.mpk')], {}, AbortSignal.abort());
  assert.deepEqual([check.status, check.stdout], [130, '']);
});
