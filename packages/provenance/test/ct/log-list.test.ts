/** Log lists: what is read, what is skipped and said, what is refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBase64, sha256, toBase64, utf8 } from '@vitrine/bytes';
import { findLog, operatorAt, parseLogList } from '@vitrine/provenance/ct';
import { builtInLogList } from '@vitrine/provenance/ct/log-list';
import { generateKey } from '@vitrine/simtee/authority';
import { ctLogListJson } from '@vitrine/simtee/ct';
import { fixture, withoutFixtures } from './fixtures.ts';
import { refuses } from './refusal.ts';
import { interval, listedAt, log } from './world.ts';

type Json = Record<string, unknown>;

async function entry(changes: Json = {}): Promise<Json> {
  const one = (await log('Alder')).listEntry() as Json;
  return { ...one, ...changes };
}

function listJson(entries: readonly unknown[], changes: Json = {}): Uint8Array {
  return utf8(
    JSON.stringify({
      version: '1.0',
      log_list_timestamp: '2026-11-20T00:00:00Z',
      operators: [{ name: 'Alder', logs: entries }],
      ...changes,
    }),
  );
}

describe('log lists', () => {
  test('logs and tiled logs are read with their operators, states and intervals', async () => {
    const logs = [
      await log('Alder'),
      await log('Birch', { kind: 'static-ct', url: 'https://birch.test/2026h2/' }),
      await log('Birch', {
        state: { name: 'retired', since: new Date('2026-01-01T00:00:00Z') },
        mmdSeconds: 60,
      }),
      await log('Cedar', { state: null }),
    ];
    const list = await parseLogList(ctLogListJson(logs, { version: '7.1', timestamp: listedAt }));
    assert.equal(list.version, '7.1');
    assert.deepEqual(list.timestamp, listedAt);
    assert.equal(list.isBuiltIn, false);
    assert.deepEqual(list.skipped, []);
    for (const { logId, operator, kind, url } of logs) {
      const found = findLog(list, logId)!;
      assert.deepEqual([found.operator, found.kind, found.url], [operator, kind, url]);
      assert.deepEqual(found.temporalInterval, interval);
    }
    assert.deepEqual(
      logs.map(({ logId }) => findLog(list, logId)!.state?.name),
      ['usable', 'usable', 'retired', undefined],
    );
    assert.equal(findLog(list, new Uint8Array(32)), undefined);
  });

  test('the operator is the one at the time in question', async () => {
    const previous = [
      { name: 'Second', end_time: '2026-06-01T00:00:00Z' },
      { name: 'First', end_time: '2025-06-01T00:00:00Z' },
    ];
    const list = await parseLogList(listJson([await entry({ previous_operators: previous })]));
    const at = (time: string) => operatorAt(list.logs[0]!, new Date(time));
    assert.equal(at('2025-01-01T00:00:00Z'), 'First');
    assert.equal(at('2025-06-01T00:00:00Z'), 'Second');
    assert.equal(at('2026-06-01T00:00:00Z'), 'Alder');
  });

  test('a log that is damaged is skipped and named, and the others stay', async () => {
    const other = await generateKey('P-256');
    const p384 = await generateKey('P-384');
    const rsa1024 = fromBase64(
      'MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDVimhTYhCicRmTbneDIRgcKkATxtB7jHbrkVfT0PtLO1FuzsvRyY2RxS90P6tjXVUJnNE6uvMa5UFEJFGnTHgW8iQ8+EjPKDHM5nugSlojgZ88ujfmJNnDvbKZuDnd/iYx0ss6hPx7srXFL8/BT/9Ab1zURmnLsvfP34b7arnRsQIDAQAB',
    );
    const damages: Record<string, Json> = {
      'a key that is no SPKI': { key: toBase64(other.point) },
      'a key that is no base64': { key: '!' },
      'no key': { key: undefined },
      'the key of another log': { key: toBase64(other.subjectPublicKeyInfo) },
      'a key of another curve': await keyed(p384.subjectPublicKeyInfo),
      'an RSA key of 1024 bits': await keyed(rsa1024),
      'an id that is too short': { log_id: 'AAAA' },
      'a state that nobody knows': { state: { excellent: { timestamp: '2024-01-01T00:00:00Z' } } },
      'two states': {
        state: {
          usable: { timestamp: '2024-01-01T00:00:00Z' },
          retired: { timestamp: '2024-01-01T00:00:00Z' },
        },
      },
      'no state in the state': { state: {} },
      'a state without a time': { state: { usable: {} } },
      'an interval that ends before it begins': {
        temporal_interval: { start_inclusive: '2026-01-01T00:00:00Z', end_exclusive: '2025-01-01T00:00:00Z' },
      },
      'an interval without an end': { temporal_interval: { start_inclusive: '2026-01-01T00:00:00Z' } },
      'an address that is none': { url: 'javascript:alert(1)' },
      'an address with a query': { url: 'https://log.test/?a=' },
      'a delay below zero': { mmd: -1 },
      'a delay of a century': { mmd: 3_153_600_000 },
    };
    const good = await entry();
    for (const [what, damage] of Object.entries(damages)) {
      const list = await parseLogList(listJson([await entry({ description: what, ...damage }), good]));
      assert.deepEqual(
        list.skipped.map(({ description, operator }) => [description, operator]),
        [[what, 'Alder']],
      );
      assert.equal(list.logs.length, 1, what);
    }
  });

  test('a log that occurs twice counts once: the second may claim another operator', async () => {
    const one = await entry();
    const list = await parseLogList(
      listJson([], {
        operators: [
          { name: 'Alder', logs: [one] },
          { name: 'Birch', logs: [one] },
        ],
      }),
    );
    assert.deepEqual(
      [list.logs.map(({ operator }) => operator), list.skipped.map(({ operator }) => operator)],
      [['Alder'], ['Birch']],
    );
  });

  test('a log that is no object is skipped', async () => {
    const list = await parseLogList(listJson([7, null, 'log', await entry()]));
    assert.deepEqual([list.logs.length, list.skipped.length], [1, 3]);
  });

  test('what is no list is refused', async () => {
    const good = new TextDecoder().decode(listJson([await entry()]));
    const bad: Record<string, string | Uint8Array> = {
      nothing: '',
      'no JSON': good.slice(0, -1),
      'two lists': good + good,
      'a member twice': good.replace('"version"', '"version":"0","version"'),
      'no version': good.replace('"version"', '"edition"'),
      'no time': good.replace('2026-11-20T00:00:00Z', 'yesterday'),
      'no operators': good.replace('"operators"', '"logs"'),
      'operators of another kind': listJson([], { operators: {} }),
      'an operator without a name': listJson([], { operators: [{ logs: [] }] }),
      'logs of another kind': listJson([], { operators: [{ name: 'Alder', logs: {} }] }),
      'too many operators': listJson([], { operators: Array.from({ length: 257 }, () => ({ name: 'a' })) }),
      'too many logs': listJson(Array.from({ length: 1025 }, () => 0)),
      'no UTF-8': Uint8Array.of(0xff),
    };
    for (const [what, json] of Object.entries(bad))
      await refuses(
        'LOG_LIST_MALFORMED',
        () => parseLogList(typeof json === 'string' ? utf8(json) : json),
        what,
      );
  });
});

describe('the built-in log list', () => {
  test('it says its version and date, and nothing of it is skipped', async () => {
    const list = await builtInLogList();
    assert.equal(list.isBuiltIn, true);
    assert.equal(list.version, '53.34');
    assert.deepEqual(list.skipped, []);
    assert.ok(
      list.logs.every(
        ({ temporalInterval }) =>
          !temporalInterval || temporalInterval.end > new Date('2025-01-01T00:00:00Z'),
      ),
    );
    const usable = list.logs.filter(({ state }) => state?.name === 'usable');
    assert.ok(new Set(usable.map(({ operator }) => operator)).size >= 4);
  });

  test('its logs are those of the whole list, unchanged', { skip: withoutFixtures }, async () => {
    const whole = await parseLogList(fixture('ct/all_logs_list_v53.34_2025-05-05.json'));
    const list = await builtInLogList();
    assert.deepEqual(list.timestamp, whole.timestamp);
    for (const one of list.logs) assert.deepEqual(one, findLog(whole, one.logId));
    const kept = whole.logs.filter(
      ({ temporalInterval }) => !temporalInterval || temporalInterval.end > new Date('2025-01-01T00:00:00Z'),
    );
    assert.equal(list.logs.length, kept.length);
  });
});

async function keyed(subjectPublicKeyInfo: Uint8Array): Promise<Json> {
  return { key: toBase64(subjectPublicKeyInfo), log_id: toBase64(await sha256(subjectPublicKeyInfo)) };
}
