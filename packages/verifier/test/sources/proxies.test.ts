/** Which proxy a connection goes through. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseProxy, proxiesOf, proxyFor } from '../../src/sources/proxies.node.ts';

describe("a proxy's address", () => {
  const good: readonly [string, object][] = [
    ['proxy.example:3128', { host: 'proxy.example', port: 3128, isSecure: false, authorization: undefined }],
    ['http://proxy.example', { host: 'proxy.example', port: 80, isSecure: false, authorization: undefined }],
    ['https://p.example/', { host: 'p.example', port: 443, isSecure: true, authorization: undefined }],
    ['http://[::1]:8080', { host: '::1', port: 8080, isSecure: false, authorization: undefined }],
    ['http://ann:s%40:x@p:1', { host: 'p', port: 1, isSecure: false, authorization: 'Basic YW5uOnNAOng=' }],
  ];
  for (const [text, expected] of good)
    test(`is read: ${text}`, () => {
      assert.deepEqual(parseProxy(text), expected);
    });

  const bad = [
    '',
    'http://',
    'socks5://p:1',
    'http://p:99999',
    'http://p:0',
    'ftp://p',
    'http://a%3Ab:c@p',
    'http://a:%0d%0aX@p',
    'http://a:%ff@p',
    'http://a:%00@p',
  ];
  for (const text of bad)
    test(`is refused: ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseProxy(text), { code: 'ARGUMENT_INVALID' });
    });

  test('that is refused is not repeated: it may hold a password', () => {
    assert.throws(
      () => proxiesOf({ https_proxy: 'socks5://ann:secret@p:1' }),
      (error: Error) => /^HTTPS_PROXY: /.test(error.message) && !error.message.includes('secret'),
    );
  });
});

describe('the environment', () => {
  const through = (url: string, environment: Record<string, string>) =>
    proxyFor(new URL(url), proxiesOf(environment))?.host;
  const rows: readonly [string, string, Record<string, string>, string | undefined][] = [
    ['says nothing', 'https://a.example', {}, undefined],
    ['is empty', 'https://a.example', { HTTPS_PROXY: '' }, undefined],
    ['names one for https', 'https://a.example', { HTTPS_PROXY: 'http://p' }, 'p'],
    ['names one for http only', 'https://a.example', { HTTP_PROXY: 'http://p' }, undefined],
    ['names one for http', 'http://a.example', { HTTP_PROXY: 'http://p' }, 'p'],
    ['names one for all', 'https://a.example', { ALL_PROXY: 'http://p' }, 'p'],
    [
      'names one for all, and another',
      'https://a.example',
      { ALL_PROXY: 'http://p', HTTPS_PROXY: 'http://q' },
      'q',
    ],
    [
      'names two: lower case comes first',
      'https://a.example',
      { https_proxy: 'http://p', HTTPS_PROXY: 'http://q' },
      'p',
    ],
  ];
  for (const [name, url, environment, host] of rows)
    test(name, () => {
      assert.equal(through(url, environment), host);
    });
});

describe('NO_PROXY', () => {
  const isDirect = (except: string, url: string) =>
    proxyFor(new URL(url), proxiesOf({ ALL_PROXY: 'http://p', NO_PROXY: except })) === undefined;
  const rows: readonly [string, string, boolean][] = [
    ['*', 'https://a.example', true],
    ['a.example', 'https://a.example', true],
    ['A.Example', 'https://a.example', true],
    ['a.example', 'https://a.example.', true],
    ['example', 'https://a.example', true],
    ['.example', 'https://a.example', true],
    ['*.example', 'https://a.example', true],
    ['b.example, a.example', 'https://a.example', true],
    ['b.example a.example', 'https://a.example', true],
    ['a.example:443', 'https://a.example', true],
    ['a.example:443', 'https://a.example:8443', false],
    ['a.example:80', 'http://a.example', true],
    ['ample', 'https://a.example', false],
    ['a.example', 'https://ba.example', false],
    ['a.example.org', 'https://a.example', false],
    ['.', 'https://a.example', false],
    ['', 'https://a.example', false],
    ['127.0.0.1', 'https://127.0.0.1:9', true],
    ['127.0.0.1:8', 'https://127.0.0.1:9', false],
    ['0.0.1', 'https://127.0.0.1', false],
    ['10.0.0.0/8', 'https://10.1.2.3', true],
    ['10.0.0.0/8', 'https://11.1.2.3', false],
    ['10.0.0.0/33', 'https://10.0.0.0', false],
    ['10.0.0.0/', 'https://10.0.0.0', false],
    ['10.0.0.0/8', 'https://a.example', false],
    ['::1', 'https://[::1]', true],
    ['[::1]', 'https://[::1]', true],
    ['[::1]:443', 'https://[::1]', true],
    ['[::1]:443', 'https://[::1]:444', false],
    ['fd00::/8', 'https://[fd12::1]', true],
    ['fd00::/8', 'https://[fe80::1]', false],
  ];
  for (const [except, url, expected] of rows)
    test(`${JSON.stringify(except)} ${expected ? 'covers' : 'does not cover'} ${url}`, () => {
      assert.equal(isDirect(except, url), expected);
    });
});
