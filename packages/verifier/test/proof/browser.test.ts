/** Proof files and the network source in headless Chromium, as a page would load them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Browser, type Page, chromium } from 'playwright-core';
import { bundle } from '../../../evidence/test/bundle.ts';
import { suites } from './suites.ts';

const chromiumPath = '/usr/bin/chromium';
const withoutBrowser = !existsSync(chromiumPath) && `no ${chromiumPath} (Debian package chromium)`;

const bomb = gzipSync(new Uint8Array(24 * 1024 * 1024));

const answers: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
  good: (response) => response.end('{}'),
  compressed: (response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('{"a":1}')),
  page: (response) => response.setHeader('content-type', 'text/html').end('<html>'),
  redirect: (response) => response.writeHead(302, { location: '/good' }).end(),
  silent: (response) => response.write('{'),
  bomb: (response) => response.setHeader('content-encoding', 'gzip').end(bomb),
  cut: (response) => {
    response.setHeader('content-length', '100').write('{');
    setTimeout(() => response.socket?.destroy(), 50);
  },
  missing: (response) => response.writeHead(404).end(),
};

const expected = {
  good: 'ok 2',
  compressed: 'ok 7',
  page: 'CONTENT_TYPE_UNEXPECTED',
  // A page is not shown where a redirect leads.
  redirect: 'CONNECTION_REFUSED',
  silent: 'TIMEOUT',
  bomb: 'BODY_TOO_LARGE',
  cut: 'BODY_TRUNCATED',
  missing: 'HTTP_STATUS',
} as const;

describe('in Chromium', { skip: withoutBrowser, concurrency: false }, () => {
  let browser: Browser | undefined;
  let page: Page;
  let code = '';
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const name = request.url?.slice(1) ?? '';
    const file = {
      '': ['text/html', '<script type="module" src="page.js"></script>'],
      'page.js': ['text/javascript', code],
    }[name];
    if (file) response.setHeader('content-type', file[0]!).end(file[1]);
    else answers[name]?.(response.setHeader('content-type', 'application/json'));
  });
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  before(async () => {
    code = await bundle(new URL('browser-page.ts', import.meta.url).pathname);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    page = await browser.newPage();
    await page.goto(`${origin()}/`);
    await page.waitForFunction(() => typeof globalThis.askFor === 'function');
  });
  after(async () => {
    await browser?.close();
    server.closeAllConnections();
    server.close();
  });

  for (const { name: suite, cases } of suites)
    for (const { name } of cases)
      test(`${suite} ${name}`, async () => {
        const failure = await page.evaluate(([s, c]) => globalThis.runProofCase(s, c), [
          suite,
          name,
        ] as const);
        assert.equal(failure, undefined);
      });

  for (const [name, answer] of Object.entries(expected))
    test(`a source that asks for "${name}": ${answer}`, async () => {
      assert.equal(await page.evaluate((url) => globalThis.askFor(url), `${origin()}/${name}`), answer);
    });
});
