import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HubError } from './error.ts';
import { openHub } from './hub.ts';
import { Backoff, retryAfterMs, Setback } from './retry.ts';
import { hubOf, refuses } from './test/fixture.ts';

const nowMs = Date.UTC(2026, 10, 23, 12, 0, 0);

function waitFor(headers: Record<string, string>): number | undefined {
  return retryAfterMs(new Headers(headers), nowMs);
}

void describe('retryAfterMs', () => {
  test('reads seconds and dates', () => {
    assert.equal(waitFor({ 'retry-after': '0' }), 0);
    assert.equal(waitFor({ 'retry-after': ' 120 ' }), 120_000);
    assert.equal(waitFor({ 'retry-after': 'Mon, 23 Nov 2026 12:00:45 GMT' }), 45_000);
  });

  test('takes a date in the past for now', () => {
    assert.equal(waitFor({ 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' }), 0);
  });

  test('reads the end of the window in RateLimit, if there is no Retry-After that can be read', () => {
    assert.equal(waitFor({ ratelimit: '"api";r=0;t=55' }), 55_000);
    assert.equal(waitFor({ ratelimit: '"api";r=0; t=55; x=1' }), 55_000);
    assert.equal(waitFor({ ratelimit: '"api";r=0;t=55', 'retry-after': '3' }), 3000);
    assert.equal(waitFor({ ratelimit: '"api";r=0;t=55', 'retry-after': 'soon' }), 55_000);
  });

  test('makes nothing of what it cannot read', () => {
    for (const value of [
      '',
      '-1',
      '1.5',
      '1e3',
      '0x10',
      '99999999999',
      'soon',
      '2026-11-23',
      'Mon, 99 Nov 2026 12:00:00 GMT',
    ]) {
      assert.equal(waitFor({ 'retry-after': value }), undefined, value);
    }
    for (const value of ['', '"api"', '"api";r=0', '"api";t=-5', '"api";t=x', '"api";st=5']) {
      assert.equal(waitFor({ ratelimit: value }), undefined, value);
    }
  });
});

void describe('Backoff', () => {
  const endpoint = { endpoint: 'http://127.0.0.1:1' };
  const setback = (): Setback => new Setback('SERVER_ERROR', 'It failed.');

  test('doubles the wait up to the longest, between half and all of it', async () => {
    for (const [random, expected] of [
      [0, [50, 100, 200, 400, 500, 500]],
      [0.999_999, [100, 200, 400, 800, 1000, 1000]],
    ] as const) {
      const hub = hubOf(endpoint, {
        random: () => random,
        retry: { attempts: 7, baseDelayMs: 100, maxDelayMs: 1000 },
      });
      const backoff = new Backoff(hub);
      for (let nth = 1; nth <= 6; nth++) await backoff.wait(setback());
      assert.deepEqual(hub.waitsMs, expected);
    }
  });

  test('starts again after progress, and gives up after the tries in a row', async () => {
    const hub = hubOf(endpoint, { retry: { attempts: 3, baseDelayMs: 100, maxDelayMs: 1000 } });
    const backoff = new Backoff(hub);
    for (let nth = 1; nth <= 5; nth++) {
      await backoff.wait(setback());
      await backoff.wait(setback());
      backoff.progressed();
    }
    await backoff.wait(setback());
    await backoff.wait(setback());
    await refuses(backoff.wait(setback()), 'SERVER_ERROR', 'It failed. Gave up after 3 tries.');
  });

  test('does not wait at all with one attempt', async () => {
    const hub = hubOf(endpoint, { retry: { attempts: 1 } });
    await refuses(new Backoff(hub).wait(setback()), 'SERVER_ERROR', /^It failed\.$/);
    assert.deepEqual(hub.waitsMs, []);
  });

  test('throws on what is not a setback', async () => {
    const error = new HubError('FORBIDDEN', 'No.');
    await assert.rejects(new Backoff(hubOf(endpoint)).wait(error), error);
    const mistake = new TypeError('x is not a function');
    await assert.rejects(new Backoff(hubOf(endpoint)).wait(mistake), mistake);
  });

  test('waits with the clock of the system unless told otherwise, and ends the wait with the signal', async () => {
    const signal = AbortSignal.timeout(20);
    const watched = hubOf(endpoint, {
      signal,
      retry: { attempts: 3, baseDelayMs: 60_000, maxDelayMs: 60_000 },
    });
    const hub = { ...watched, sleep: openHub({ fetch }).sleep };
    await refuses(new Backoff(hub).wait(setback()), 'ABORTED');
  });
});
