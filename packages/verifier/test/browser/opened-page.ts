/** Headless Chromium with the verifier loaded, from a server on loopback that has it for workers too. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ctLogListJson } from '@vitrine/simtee/ct';
import { formatPemCertificates } from '@vitrine/x509';
import { type Page, chromium } from 'playwright-core';
import { bundle } from '../../../evidence/test/bundle.ts';
import type { World } from '../end-to-end/world.ts';
import type { AnchorTexts } from './page.ts';
import { clientScript, workerScript } from './workers.ts';

const chromiumPath = '/usr/bin/chromium';
export const withoutBrowser = !existsSync(chromiumPath) && `no ${chromiumPath} (Debian package chromium)`;

export interface OpenedPage {
  readonly page: Page;
  readonly close: () => Promise<void>;
}

export async function openPage(): Promise<OpenedPage> {
  const code = await bundle(new URL('page.ts', import.meta.url).pathname);
  const scripts: Readonly<Record<string, string>> = {
    '/replay.js': `${code}\n${clientScript('/worker.js')}`,
    '/worker.js': `${code}\n${workerScript}`,
  };
  const server = createServer((request, response) => {
    const script = scripts[request.url ?? ''];
    response.setHeader('content-type', script === undefined ? 'text/html' : 'text/javascript');
    response.end(script ?? '<!doctype html><script type="module" src="/replay.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => typeof globalThis.replayProof === 'function');
  return {
    page,
    close: async () => {
      await browser.close();
      server.close();
    },
  };
}

/** As a page can be given them. */
export function anchorTexts({ amd, intel, nvidia, sigstore, logs, web, now }: World): AnchorTexts {
  return {
    ark: formatPemCertificates([amd.ark]),
    ask: formatPemCertificates([amd.ask]),
    intel: formatPemCertificates([intel.root.certificate]),
    nvidiaDevice: formatPemCertificates([nvidia.deviceRoot.certificate]),
    nvidiaRim: formatPemCertificates([nvidia.rimRoot.certificate]),
    sigstore: sigstore.trustedRootJson,
    ctLogs: new TextDecoder().decode(ctLogListJson(logs, { timestamp: now })),
    tls: formatPemCertificates([web.root.certificate]),
  };
}
