import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HubError } from './error.ts';
import { openHub, resolveUrl, type HubOptions } from './hub.ts';

function refusalOf(options: Partial<HubOptions>): HubError {
  try {
    openHub({ fetch, ...options });
  } catch (error) {
    assert(error instanceof HubError);
    assert.equal(error.code, 'PARAMETER_INVALID');
    return error;
  }
  throw new assert.AssertionError({ message: `accepted ${JSON.stringify(options)}` });
}

void describe('openHub', () => {
  test('asks huggingface.co unless told otherwise', () => {
    assert.equal(openHub({ fetch }).endpoint.href, 'https://huggingface.co/');
  });

  test('refuses endpoints that are not plain http(s) URLs', () => {
    for (const endpoint of ['', 'huggingface.co', 'ftp://x', 'file:///x', 'https://x/?a=b', 'https://x/#a']) {
      refusalOf({ endpoint });
    }
  });

  test('refuses credentials in the endpoint without repeating them', () => {
    const { message } = refusalOf({ endpoint: 'https://me:secret@hub.example' });
    assert(!message.includes('secret') && message.includes('hub.example'), message);
  });

  test('refuses tokens with white space, line breaks or other characters, without repeating them', () => {
    for (const token of [
      '',
      'hf_secret\n',
      'hf_secret x',
      'hf_secret\r\nX: y',
      'hf_sécret',
      'Bearer hf_secret',
    ]) {
      const { message } = refusalOf({ token });
      assert(!message.includes('cret'), message);
    }
  });

  test('refuses to send a token in clear text, except to this machine', () => {
    refusalOf({ endpoint: 'http://mirror.example', token: 'hf_a' });
    refusalOf({ endpoint: 'http://127.0.0.1.example', token: 'hf_a' });
    openHub({ fetch, endpoint: 'http://mirror.example' });
    for (const endpoint of [
      'http://127.0.0.1:1',
      'http://localhost:1',
      'http://[::1]:1',
      'https://mirror.example',
    ]) {
      openHub({ fetch, endpoint, token: 'hf_a' });
    }
  });

  test('refuses limits that cannot be', () => {
    for (const idleTimeoutMs of [0, -1, NaN, Infinity, 2 ** 31]) refusalOf({ idleTimeoutMs });
    for (const attempts of [0, -1, 1.5, NaN, Infinity]) refusalOf({ retry: { attempts } });
  });
});

test('file names are encoded segment by segment', () => {
  const hub = openHub({ fetch, endpoint: 'https://mirror.example/hf/' });
  const commit = '0'.repeat(40);
  assert.equal(
    resolveUrl(hub, 'owner/name', commit, 'a b/c%2f#?.bin/é').href,
    `https://mirror.example/hf/owner/name/resolve/${commit}/a%20b/c%252f%23%3F.bin/%C3%A9`,
  );
  assert.equal(
    resolveUrl(hub, 'owner/name', commit, '%2e%2e/%2e').pathname,
    `/hf/owner/name/resolve/${commit}/%252e%252e/%252e`,
  );
});
