/** A policy over timestamps: what counts, what does not, and what is a lie. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Check } from '@vitrine/appraisal';
import { type CtPolicy, appraiseCt, authenticateScts, x509Entry } from '@vitrine/provenance/ct';
import { type SimulatedCtLog, encodeSctList } from '@vitrine/simtee/ct';
import { refuses } from './refusal.ts';
import { authenticated, endsAt, issue, issuedAt, listOf, log, now, theAuthority } from './world.ts';

/** "rule CODE" of what failed, "rule ?" of what was not checked. */
function verdictOf(checks: readonly Check[]): string[] {
  return checks
    .filter(({ outcome }) => outcome !== 'pass')
    .map(({ rule, outcome, code }) => `${rule} ${outcome === 'fail' ? code! : '?'}`);
}

interface Scene {
  readonly certificate?: Parameters<typeof issue>[1];
  readonly list?: readonly SimulatedCtLog[];
  readonly policy?: CtPolicy;
  readonly at?: Date;
  readonly timestamp?: Date;
}

async function judge(logs: readonly SimulatedCtLog[], scene: Scene = {}) {
  const server = await issue(logs, scene.certificate);
  const scts = await authenticated(server, scene.list ?? logs, scene);
  const checks = appraiseCt(scts, scene.policy);
  return { verdicts: scts.scts.map(({ verdict }) => verdict), failures: verdictOf(checks), checks, scts };
}

const at = (time: string) => new Date(time);

describe('timestamps of a certificate', () => {
  test('two logs of two operators, both in order, pass every rule', async () => {
    const { verdicts, failures, checks } = await judge([
      await log('Alder'),
      await log('Birch', { kind: 'static-ct' }),
    ]);
    assert.deepEqual(verdicts, ['valid', 'valid']);
    assert.deepEqual(failures, []);
    assert.deepEqual(
      checks.map(({ rule }) => rule),
      [
        'ct.log-list',
        'ct.sct.present',
        'ct.sct.signature',
        'ct.sct.timestamp',
        'ct.sct.log',
        'ct.sct.temporal-interval',
        'ct.sct.state',
        'ct.sct.count',
        'ct.sct.operators',
        'ct.sct.current',
      ],
    );
    assert.match(checks[0]!.found, /version 1\.0 of 2026-11-20.*5 days old, given/);
  });

  test('none at all fails, and says that there are none', async () => {
    const { failures } = await judge([], { list: [await log('Alder')] });
    assert.deepEqual(failures, [
      'ct.sct.present SCT_ABSENT',
      'ct.sct.signature ?',
      'ct.sct.count SCT_INSUFFICIENT',
      'ct.sct.operators SCT_OPERATORS_NOT_DISTINCT',
    ]);
  });

  test('one is not enough', async () => {
    const { failures } = await judge([await log('Alder')]);
    assert.deepEqual(failures, [
      'ct.sct.count SCT_INSUFFICIENT',
      'ct.sct.operators SCT_OPERATORS_NOT_DISTINCT',
    ]);
  });

  test('two logs of one operator are not enough', async () => {
    const { failures } = await judge([await log('Alder'), await log('Alder', { description: 'Alder two' })]);
    assert.deepEqual(failures, ['ct.sct.operators SCT_OPERATORS_NOT_DISTINCT']);
  });

  test('the same log twice counts once', async () => {
    const one = await log('Alder');
    const { failures, scts } = await judge([one, one]);
    assert.deepEqual(
      scts.scts.map(({ isRepeated }) => isRepeated),
      [false, true],
    );
    assert.deepEqual(failures, [
      'ct.sct.count SCT_INSUFFICIENT',
      'ct.sct.operators SCT_OPERATORS_NOT_DISTINCT',
    ]);
  });

  test('a forged one fails even beside three good ones', async () => {
    const logs = [await log('Alder'), await log('Birch'), await log('Cedar'), await log('Douglas')];
    const { verdicts, failures, checks } = await judge(logs, {
      certificate: { sctDefects: [{}, {}, {}, { forged: true }] },
    });
    assert.deepEqual(verdicts, ['valid', 'valid', 'valid', 'signature-invalid']);
    assert.deepEqual(failures, ['ct.sct.signature SCT_SIGNATURE_INVALID']);
    assert.match(checks.find(({ outcome }) => outcome === 'fail')!.found, /Douglas 2026h2/);
  });

  test('timestamps of another certificate are forged', async () => {
    const logs = [await log('Alder'), await log('Birch')];
    const other = await issue(logs, { names: ['other.example.org'] });
    const mine = await issue([], { names: ['api.example.org'] });
    const delivered = encodeSctList(await logsSigned(logs, other.certificate));
    const scts = await authenticated(mine, logs, { delivered });
    assert.deepEqual(
      scts.scts.map(({ verdict }) => verdict),
      ['signature-invalid', 'signature-invalid'],
    );
    assert.ok(verdictOf(appraiseCt(scts)).includes('ct.sct.signature SCT_SIGNATURE_INVALID'));
  });

  test('timestamps that come beside the certificate count as those inside do', async () => {
    const logs = [await log('Alder'), await log('Birch')];
    const server = await issue([logs[0]!]);
    const delivered = encodeSctList(await logsSigned([logs[1]!], server.certificate));
    const scts = await authenticated(server, logs, { delivered });
    assert.deepEqual(
      scts.scts.map(({ origin, verdict }) => [origin, verdict]),
      [
        ['embedded', 'valid'],
        ['delivered', 'valid'],
      ],
    );
    assert.deepEqual(verdictOf(appraiseCt(scts)), []);
  });

  test('one of a log that the list lacks does not count, and is no failure beside enough others', async () => {
    const [alder, birch, stranger] = [await log('Alder'), await log('Birch'), await log('Stranger')];
    const enough = await judge([alder, birch, stranger], { list: [alder, birch] });
    assert.deepEqual(enough.verdicts, ['valid', 'valid', 'log-unknown']);
    assert.deepEqual(enough.failures, []);
    const short = await judge([alder, stranger], { list: [alder, birch] });
    assert.deepEqual(short.failures, [
      'ct.sct.log SCT_LOG_UNKNOWN',
      'ct.sct.count SCT_INSUFFICIENT',
      'ct.sct.operators SCT_OPERATORS_NOT_DISTINCT',
    ]);
    const none = await judge([stranger], { list: [alder, birch] });
    assert.ok(none.failures.includes('ct.sct.signature ?'));
  });

  test('with a list of long ago, unknown logs that might make up for it are not checked: neither pass nor failure', async () => {
    const [alder, stranger] = [await log('Alder'), await log('Stranger')];
    const old = { list: [alder], timestamp: at('2026-08-01T00:00:00Z') };
    const { failures } = await judge([alder, stranger], old);
    assert.deepEqual(failures, ['ct.sct.log ?', 'ct.sct.count ?', 'ct.sct.operators ?']);
    // What no newer list could mend stays a failure.
    const lone = await judge([stranger], old);
    assert.ok(lone.failures.includes('ct.sct.count SCT_INSUFFICIENT'));
    const forged = await judge([alder, stranger], {
      ...old,
      certificate: { sctDefects: [{ forged: true }] },
    });
    assert.ok(forged.failures.includes('ct.sct.signature SCT_SIGNATURE_INVALID'));
  });

  test('a log outside its temporal interval does not count', async () => {
    const outside = [
      { start: at('2026-01-01T00:00:00Z'), end: endsAt },
      { start: new Date(endsAt.getTime() + 1000), end: at('2028-01-01T00:00:00Z') },
    ];
    for (const temporalInterval of outside) {
      const { verdicts, failures } = await judge([
        await log('Alder'),
        await log('Birch', { temporalInterval }),
      ]);
      assert.deepEqual(verdicts, ['valid', 'outside-interval']);
      assert.equal(failures[0], 'ct.sct.temporal-interval SCT_OUTSIDE_INTERVAL');
      assert.ok(failures.includes('ct.sct.count SCT_INSUFFICIENT'));
    }
  });

  test('the interval holds its beginning and not its end', async () => {
    const just = { start: endsAt, end: new Date(endsAt.getTime() + 1000) };
    const { verdicts } = await judge([await log('Alder', { temporalInterval: just })]);
    assert.deepEqual(verdicts, ['valid']);
  });

  test('of a retired log counts what it signed before, and not after', async () => {
    const retired = (since: string) => log('Birch', { state: { name: 'retired', since: at(since) } });
    const before = await judge([await log('Alder'), await retired('2026-11-01T00:00:00Z')]);
    assert.deepEqual(before.failures, []);
    const after = await judge([await log('Alder'), await retired('2026-09-01T00:00:00Z')]);
    assert.deepEqual(after.verdicts, ['valid', 'state-unacceptable']);
    assert.equal(after.failures[0], 'ct.sct.state SCT_LOG_STATE_UNACCEPTABLE');
    const exactly = await judge([await log('Alder'), await retired(issuedAt.toISOString())]);
    assert.deepEqual(exactly.verdicts, ['valid', 'state-unacceptable']);
  });

  test('logs that are pending, rejected or of no state do not count', async () => {
    for (const name of ['pending', 'rejected', null] as const) {
      const state = name && { name, since: at('2024-01-01T00:00:00Z') };
      const { verdicts, failures } = await judge([await log('Alder'), await log('Birch', { state })]);
      assert.deepEqual(verdicts, ['valid', 'state-unacceptable'], String(name));
      assert.equal(failures[0], 'ct.sct.state SCT_LOG_STATE_UNACCEPTABLE');
    }
  });

  test('logs that are qualified or read-only count', async () => {
    for (const name of ['qualified', 'readonly'] as const) {
      const state = { name, since: at('2024-01-01T00:00:00Z') };
      assert.deepEqual((await judge([await log('Alder'), await log('Birch', { state })])).failures, [], name);
    }
  });

  test('a log that was pending in an old list may be usable by now: not checked', async () => {
    const state = { name: 'pending', since: at('2026-07-01T00:00:00Z') } as const;
    const logs = [await log('Alder'), await log('Birch', { state })];
    const { failures } = await judge(logs, { timestamp: at('2026-08-01T00:00:00Z') });
    assert.deepEqual(failures, ['ct.sct.state ?', 'ct.sct.count ?', 'ct.sct.operators ?']);
    const rejected = await judge([logs[0]!, await log('Birch', { state: { ...state, name: 'rejected' } })], {
      timestamp: at('2026-08-01T00:00:00Z'),
    });
    assert.equal(rejected.failures[0], 'ct.sct.state SCT_LOG_STATE_UNACCEPTABLE');
  });

  test('where all logs are retired by now none vouches for the certificate any more', async () => {
    const state = { name: 'retired', since: at('2026-11-01T00:00:00Z') } as const;
    const logs = [await log('Alder', { state }), await log('Birch', { state })];
    assert.deepEqual((await judge(logs)).failures, ['ct.sct.current SCT_LOG_NOT_CURRENT']);
    assert.deepEqual((await judge(logs, { policy: { requireCurrentLog: false } })).failures, []);
  });

  test('a timestamp of the future fails', async () => {
    const logs = [await log('Alder'), await log('Birch')];
    const future = await judge(logs, { certificate: { loggedAt: new Date(now.getTime() + 1) } });
    assert.deepEqual(future.verdicts, ['in-future', 'in-future']);
    assert.equal(future.failures[0], 'ct.sct.timestamp SCT_IN_FUTURE');
    assert.deepEqual((await judge(logs, { certificate: { loggedAt: now } })).failures, []);
    const noTime = await judge(logs, { at: new Date(NaN) });
    assert.deepEqual(noTime.verdicts, ['in-future', 'in-future']);
  });

  test('a certificate of more than 180 days needs three', async () => {
    const logs = [await log('Alder'), await log('Birch'), await log('Cedar')];
    const certificate = { notBefore: at('2026-06-01T00:00:00Z') };
    assert.deepEqual((await judge(logs.slice(0, 2), { certificate })).failures, [
      'ct.sct.count SCT_INSUFFICIENT',
    ]);
    assert.deepEqual((await judge(logs, { certificate })).failures, []);
    assert.deepEqual((await judge(logs.slice(0, 2), { certificate, policy: { minScts: 2 } })).failures, []);
  });

  test('a policy may ask for more operators, more timestamps and a newer list', async () => {
    const logs = [await log('Alder'), await log('Birch')];
    const failuresOf = async (policy: CtPolicy) => (await judge(logs, { policy })).failures;
    assert.deepEqual(await failuresOf({ minOperators: 3 }), ['ct.sct.operators SCT_OPERATORS_NOT_DISTINCT']);
    assert.deepEqual(await failuresOf({ minScts: 3 }), ['ct.sct.count SCT_INSUFFICIENT']);
    assert.deepEqual(await failuresOf({ maximumListAgeDays: 4 }), ['ct.log-list LOG_LIST_TOO_OLD']);
    assert.deepEqual(await failuresOf({ maximumListAgeDays: 5 }), []);
  });

  test('another issuer is an error of the caller, and no forgery', async () => {
    const logs = [await log('Alder')];
    const { certificate } = await issue(logs);
    const { root } = await theAuthority();
    const evidence = { leaf: certificate, issuer: root.certificate, logList: await listOf(logs), now };
    await refuses('ISSUER_MISMATCH', () => authenticateScts(evidence));
  });

  test('a list beside the certificate that is damaged is refused', async () => {
    const logs = [await log('Alder')];
    const server = await issue(logs);
    await refuses('SCT_LIST_MALFORMED', () =>
      authenticated(server, logs, { delivered: Uint8Array.of(0, 1, 0) }),
    );
  });
});

/** Timestamps over a certificate as it is (x509_entry). */
async function logsSigned(logs: readonly SimulatedCtLog[], certificate: Parameters<typeof x509Entry>[0]) {
  return Promise.all(logs.map((one) => one.submit(x509Entry(certificate), issuedAt)));
}
