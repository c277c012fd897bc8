import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kernelComplaints, parseGuestReport } from './report.ts';

const A = 'a'.repeat(64);
const hex = (path: string) => Buffer.from(path).toString('hex');
const stages = 'stage modules\nstage disk\nstage open\nstage mount\nstage read\n';

describe('the report of the guest', () => {
  test('that is whole gives every file', () => {
    const report = parseGuestReport(`${stages}file ${A} ${hex('a/\u2603 b')}\nopened 1\n`);
    assert.deepEqual(report, { verdict: 'opened', files: new Map([['a/\u2603 b', A]]) });
  });

  test('that says refused gives the stage and its reason', () => {
    const report = parseGuestReport('stage modules\nstage disk\nstage open\nrefused open cannot read \n');
    assert.deepEqual(report, { verdict: 'refused', stage: 'open', reason: 'cannot read' });
  });

  const whole = `${stages}file ${A} ${hex('x')}\nopened 1\n`;
  const broken: [string, string][] = [
    ['is empty', ''],
    ['was cut in its last line', whole.slice(0, -1)],
    ['was cut before its verdict', `${stages}file ${A} ${hex('x')}\n`],
    ['counts more files than it lists', whole.replace('opened 1', 'opened 2')],
    ['counts fewer files than it lists', whole.replace('opened 1', 'opened 0')],
    ['has no count', whole.replace('opened 1', 'opened')],
    ['lists a path twice', whole.replace('opened 1', `file ${A} ${hex('x')}\nopened 2`)],
    ['has a short hash', whole.replace(A, A.slice(1))],
    ['has half a byte in a path', whole.replace(hex('x'), '7')],
    ['says opened before the files were read', 'stage modules\nstage mount\nopened 0\n'],
    ['goes on after its verdict', `${whole}opened 1\n`],
    ['says opened after it said refused', `${stages}refused read why\n${whole}`],
    ['has a line of something else', `${stages}hello\nopened 0\n`],
  ];
  for (const [what, text] of broken) {
    test(`that ${what} is a refusal`, () => assert.equal(parseGuestReport(text).verdict, 'refused'));
  }
});

test('of the console only the lines about what went wrong are told, once each', () => {
  const console = [
    '[    0.1] Linux version 6.1',
    '[    2.9] device-mapper: verity: sha256 using implementation "sha256-generic"',
    '[    3.0] device-mapper: verity: 254:0: data block 73 is corrupted',
    '[    3.1] device-mapper: verity: 254:0: data block 73 is corrupted',
    '[    3.2] reboot: Power down',
  ].join('\r\n');
  assert.deepEqual(kernelComplaints(console), ['device-mapper: verity: 254:0: data block 73 is corrupted']);
});
