/** Blyss' command line: the protocol's words, pinned images, and nothing else. */
/* eslint-disable @typescript-eslint/no-unsafe-member-access -- documents are damaged anywhere, also where types say that nothing is */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { utf8 } from '@vitrine/bytes';
import { blyssProtocols, parseBlyssCmdline, parseBlyssProtocol } from '../../src/dialects/index.ts';
import { diskWords } from '../../src/dialects/blyss/protocol.ts';
import { splitWords } from '../../src/dialects/blyss/shell-words.ts';
import { altered, refused } from './refusal.ts';

const protocol = blyssProtocols['v0.0.1'];
const digest = (digit: string): string => `@sha256:${digit.repeat(64)}`;
const shim = `blyss_shim_docker_img="blintzbase/shim${digest('1')}"`;
const ui = `blyss_ui_docker_img="--env MODEL=m --env HOST=https://chat.example blintzbase/chatui${digest('2')}"`;
const application = `blyss_docker_img="--env TOKEN=sesame-open vllm/vllm-openai${digest('3')} --model m "`;
const line = [protocol.security, diskWords(protocol), shim, ui, application].join(' ');

const failures = (cmdline: string): string[] =>
  parseBlyssCmdline(cmdline, protocol).checks.flatMap(({ code, outcome }) =>
    outcome === 'fail' ? [code!] : [],
  );

describe("Blyss' command line", () => {
  test('that the protocol demands passes, with its containers and its disk', () => {
    const read = parseBlyssCmdline(line, protocol);
    assert.equal(read.acceptable, true);
    assert.ok(read.checks.every(({ outcome }) => outcome === 'pass'));
    assert.equal(read.checks.length, 10);
    assert.deepEqual(read.containers, [
      {
        role: 'shim',
        image: 'blintzbase/shim',
        tag: undefined,
        digest: '1'.repeat(64),
        environment: [],
        argumentCount: 0,
      },
      {
        role: 'ui',
        image: 'blintzbase/chatui',
        tag: undefined,
        digest: '2'.repeat(64),
        environment: ['MODEL', 'HOST'],
        argumentCount: 0,
      },
      {
        role: 'application',
        image: 'vllm/vllm-openai',
        tag: undefined,
        digest: '3'.repeat(64),
        environment: ['TOKEN'],
        argumentCount: 2,
      },
    ]);
    assert.deepEqual(read.packs, [protocol.disk.rootHash]);
    assert.equal(read.security, 'systemd.mask=ssh.service');
  });

  test('has 1046369920 sectors and 130796240 blocks for the disk of v0.0.1', () => {
    assert.match(diskWords(protocol), / 1046369920 verity 1 /);
    assert.match(diskWords(protocol), / 4096 4096 130796240 1 sha256 /);
  });

  const cases: readonly [name: string, cmdline: string, codes: readonly string[]][] = [
    ['a word more at its end', `${line} init=/bin/sh`, ['CMDLINE_NOT_RECONSTRUCTED']],
    [
      'a word more at its beginning',
      `init=/bin/sh ${line}`,
      ['CMDLINE_SECURITY_MISMATCH', 'CMDLINE_NOT_RECONSTRUCTED'],
    ],
    ['a word more between its parts', line.replace(shim, `rd.break ${shim}`), ['CMDLINE_NOT_RECONSTRUCTED']],
    ['a space more', line.replace(` ${ui}`, `  ${ui}`), ['CMDLINE_NOT_RECONSTRUCTED']],
    ['a space behind it', `${line} `, ['CMDLINE_NOT_RECONSTRUCTED']],
    ["the loader's word still there", `${line} initrd=initrd`, ['CMDLINE_NOT_RECONSTRUCTED']],
    [
      'its parts in another order',
      [protocol.security, diskWords(protocol), ui, shim, application].join(' '),
      ['CMDLINE_NOT_RECONSTRUCTED'],
    ],
    [
      'no security words',
      line.slice(protocol.security.length + 1),
      ['CMDLINE_SECURITY_MISMATCH', 'CMDLINE_NOT_RECONSTRUCTED'],
    ],
    [
      'ssh left open',
      line.replace('systemd.mask=ssh.service', 'systemd.mask=ssh.socket'),
      ['CMDLINE_SECURITY_MISMATCH', 'CMDLINE_NOT_RECONSTRUCTED'],
    ],
    [
      'the security words further behind',
      `${line.slice(protocol.security.length + 1)} ${protocol.security}`,
      ['CMDLINE_SECURITY_MISMATCH', 'CMDLINE_NOT_RECONSTRUCTED'],
    ],
    [
      'another root hash',
      line.replace(protocol.disk.rootHash, 'ab'.repeat(32)),
      ['CMDLINE_DISK_MISMATCH', 'CMDLINE_NOT_RECONSTRUCTED'],
    ],
    [
      'a disk that may be written',
      line.replace(',,0,ro,', ',,0,rw,'),
      ['CMDLINE_DISK_MISMATCH', 'CMDLINE_NOT_RECONSTRUCTED'],
    ],
    [
      'a disk that goes on when it is corrupt',
      line.replace(' 1 panic_on_corruption', ''),
      ['CMDLINE_DISK_MISMATCH', 'CMDLINE_NOT_RECONSTRUCTED'],
    ],
    [
      'a shorter disk',
      line.replace('130796240', '130796239'),
      ['CMDLINE_DISK_MISMATCH', 'CMDLINE_NOT_RECONSTRUCTED'],
    ],
    [
      'another root device',
      line.replace('root=/dev/dm-0', 'root=/dev/vda'),
      ['CMDLINE_DISK_MISMATCH', 'CMDLINE_NOT_RECONSTRUCTED'],
    ],
    ['another image', line.replace('vllm/vllm-openai', 'vllm/vllm-openai2'), ['CMDLINE_IMAGE_MISMATCH']],
    [
      'an image of another registry',
      line.replace('blintzbase/shim', 'evil.example/blintzbase/shim'),
      ['CMDLINE_IMAGE_MISMATCH'],
    ],
    ['an image without a digest', line.replace(digest('3'), ''), ['IMAGE_UNPINNED']],
    ['an image with a tag only', line.replace(digest('3'), ':v0.2.4'), ['IMAGE_UNPINNED']],
    ['a digest of 63 digits', line.replace('3'.repeat(64), '3'.repeat(63)), ['CMDLINE_IMAGE_MALFORMED']],
    ['a digest in upper case', line.replace('3'.repeat(64), 'A'.repeat(64)), ['CMDLINE_IMAGE_MALFORMED']],
    ['a digest of another hash', line.replace('@sha256:333', '@sha512:333'), ['CMDLINE_IMAGE_MALFORMED']],
    [
      'an option before the image',
      line.replace('vllm/vllm-openai@', '--privileged vllm/vllm-openai@'),
      ['CMDLINE_IMAGE_MALFORMED'],
    ],
    [
      'a volume before the image',
      line.replace('vllm/vllm-openai@', '-v /:/host vllm/vllm-openai@'),
      ['CMDLINE_IMAGE_MALFORMED'],
    ],
    [
      'an --env without a variable',
      line.replace('--env TOKEN=sesame-open vllm', '--env vllm'),
      ['CMDLINE_IMAGE_MALFORMED'],
    ],
    ['no image at all', line.replace(shim, 'blyss_shim_docker_img=""'), ['CMDLINE_IMAGE_MALFORMED']],
    [
      'a parameter missing',
      line.replace(` ${ui}`, ''),
      ['CMDLINE_IMAGE_MALFORMED', 'CMDLINE_NOT_RECONSTRUCTED'],
    ],
    ['a parameter twice', `${line} ${application}`, ['CMDLINE_IMAGE_MALFORMED', 'CMDLINE_NOT_RECONSTRUCTED']],
    [
      'single quotes where the kernel knows none',
      line.replace(shim, shim.replaceAll('"', "'")),
      ['CMDLINE_NOT_RECONSTRUCTED'],
    ],
    ['an escape', line.replace('blyss_shim', 'blyss\\_shim'), ['CMDLINE_NOT_RECONSTRUCTED']],
    ['a quote that is not closed', line.slice(0, -1), ['CMDLINE_MALFORMED']],
    ['a line break', `${line}\n`, ['CMDLINE_MALFORMED']],
    ['a sign that is not ASCII', line.replace('sesame', 'sésame'), ['CMDLINE_MALFORMED']],
    [
      'nothing in it',
      '',
      [
        'CMDLINE_SECURITY_MISMATCH',
        'CMDLINE_DISK_MISMATCH',
        'CMDLINE_IMAGE_MALFORMED',
        'CMDLINE_IMAGE_MALFORMED',
        'CMDLINE_IMAGE_MALFORMED',
        'CMDLINE_NOT_RECONSTRUCTED',
      ],
    ],
    ['more signs than the limit', `${line} ${'a'.repeat(16_384)}`, ['CMDLINE_MALFORMED']],
  ];
  for (const [name, cmdline, codes] of cases)
    test(`fails with ${name}`, () => {
      assert.notEqual(cmdline, line);
      assert.deepEqual(failures(cmdline), codes);
      assert.equal(parseBlyssCmdline(cmdline, protocol).acceptable, false);
    });

  test('is told to be unreadable, and the rest not checked, where a quote is open', () => {
    const { checks, containers } = parseBlyssCmdline('"', protocol);
    assert.deepEqual(
      checks.map(({ outcome }) => outcome),
      ['fail', ...new Array<string>(checks.length - 1).fill('not-checked')],
    );
    assert.deepEqual(containers, []);
  });

  test('is never repeated where it could hold credentials', () => {
    for (const [, cmdline] of cases)
      assert.doesNotMatch(JSON.stringify(parseBlyssCmdline(cmdline, protocol)), /sesame-open/);
    const added = parseBlyssCmdline(`${line} password=sesame-open`, protocol);
    assert.doesNotMatch(JSON.stringify(added), /sesame-open/);
    assert.match(added.checks.at(-1)!.found, /password/);
  });

  test('with a tag beside the digest passes, and the tag is told', () => {
    const { acceptable, containers } = parseBlyssCmdline(
      line.replace(digest('3'), `:v0.2.4${digest('3')}`),
      protocol,
    );
    assert.equal(acceptable, true);
    assert.equal(containers[2]!.tag, 'v0.2.4');
  });
});

describe('words of a line', () => {
  const cases: readonly [line: string, words: readonly string[] | undefined][] = [
    ['', []],
    ['  a   b ', ['a', 'b']],
    ['a="b c" d', ['a=b c', 'd']],
    [`a='b "c' d`, ['a=b "c', 'd']],
    ['""', ['']],
    ['a\\ b', ['a b']],
    ['"a\\"b\\\\c\\d"', ['a"b\\c\\d']],
    ['a"b"c', ['abc']],
    ['"a', undefined],
    ["'a", undefined],
    ['a\\', undefined],
    ['"a\\"', undefined],
  ];
  for (const [input, words] of cases)
    test(`${JSON.stringify(input)} ${words ? `has ${words.length}` : 'cannot be split'}`, () => {
      assert.deepEqual(splitWords(input), words);
    });
});

describe('a protocol file', () => {
  const file = utf8(
    JSON.stringify({
      version: 'v0.0.1',
      author: 'somebody',
      requirements: {
        application: protocol.images.application,
        ui: protocol.images.ui,
        shim: protocol.images.shim,
        firmware: {
          name: 'guest',
          disk: { type: 'dm_verity', hash: protocol.disk.rootHash, size: '535741399040' },
          ...protocol.firmware,
        },
        security: protocol.security,
      },
    }),
  );

  test('of the built-in protocol gives the built-in protocol', () => {
    assert.deepEqual(parseBlyssProtocol(file), protocol);
    const withNumber = altered(file, (json) => (json.requirements.firmware.disk.size = 535741399040));
    assert.deepEqual(parseBlyssProtocol(withNumber), protocol);
  });

  for (const [name, change] of [
    ['another member', (json) => (json.signature = '')],
    ['another requirement', (json) => (json.requirements.launch = {})],
    ['another member about the disk', (json) => (json.requirements.firmware.disk.salt = '')],
    ['a disk of another kind', (json) => (json.requirements.firmware.disk.type = 'plain')],
    ['a disk that is not of whole blocks', (json) => (json.requirements.firmware.disk.size = '535741399041')],
    ['a disk without a size', (json) => (json.requirements.firmware.disk.size = '0')],
    ['a root hash in upper case', (json) => (json.requirements.firmware.disk.hash = 'AB'.repeat(32))],
    ['security words with a quote', (json) => (json.requirements.security = 'a="b')],
    ['no security words', (json) => (json.requirements.security = '')],
    ['an image with a digest', (json) => (json.requirements.shim = `blintzbase/shim${digest('1')}`)],
  ] as readonly [string, Parameters<typeof altered>[1]][])
    test(`is refused with ${name}`, () =>
      refused(() => parseBlyssProtocol(altered(file, change)), 'DOCUMENT_MALFORMED'));
});
