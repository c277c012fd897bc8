/** Runs the same suites in headless Chromium, through a bundle as a page would load it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Browser, type Page, chromium } from 'playwright-core';
import { suites as measureSuites } from '../../measure/test/suites.ts';
import { suites as ctSuites } from '../../provenance/test/ct/suites.ts';
import { suites as sigstoreSuites } from '../../provenance/test/sigstore/suites.ts';
import { bundle } from './bundle.ts';
import { fixturesFolder, hasFixtures } from './fixtures.ts';
import { suites as evidenceSuites } from './suites.ts';

const chromiumPath = '/usr/bin/chromium';
const long = process.env['VITRINE_LONG'] === '1';
const withoutBrowser = !existsSync(chromiumPath) && `no ${chromiumPath} (Debian package chromium)`;

let server: ReturnType<typeof createServer>;
let browser: Browser | undefined;
let page: Page;

describe('in Chromium', { skip: withoutBrowser, concurrency: false }, () => {
  before(async () => {
    const code = await bundle(new URL('browser-page.ts', import.meta.url).pathname);
    const address = await serve(code);
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    page = await browser.newPage();
    await page.goto(address);
    await page.waitForFunction(() => typeof globalThis.runCase === 'function');
  });
  after(async () => {
    await browser?.close();
    server.close();
  });

  for (const { name: suite, cases } of [
    ...evidenceSuites,
    ...measureSuites,
    ...ctSuites,
    ...sigstoreSuites,
  ]) {
    describe(suite, () => {
      for (const { name, needsFixtures, onlyLong } of cases) {
        const skip =
          needsFixtures && !hasFixtures
            ? `no fixtures at ${fixturesFolder}`
            : onlyLong && !long && 'npm run test:long runs it';
        test(name, { skip }, async () => {
          const failure = await page.evaluate(
            ([inSuite, inCase, isLong]) => globalThis.runCase(inSuite, inCase, isLong),
            [suite, name, long] as const,
          );
          assert.equal(failure, undefined);
        });
      }
    });
  }
});

/** The page, its script and the fixtures, on loopback. @returns the page's address */
async function serve(code: string): Promise<string> {
  server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    if (path === '/') return response.setHeader('content-type', 'text/html').end(html);
    if (path === '/suites.js') return response.setHeader('content-type', 'text/javascript').end(code);
    const file = join(fixturesFolder, normalize(path.replace(/^\/fixtures/, '')));
    if (!path.startsWith('/fixtures/') || !existsSync(file)) return response.writeHead(404).end();
    return response.end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const html =
  '<!doctype html><meta charset="utf-8"><title>suites</title><script type="module" src="/suites.js"></script>';
