/** Whom a client of the simulated world must be told to believe: files, and the words of the command that name them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ctLogListJson } from '@vitrine/simtee/ct';
import { formatPemCertificates } from '@vitrine/x509';
import type { World } from './world.ts';

export interface AnchorFiles {
  /** Of simulated hardware, PEM. */
  readonly hardware: string;
  readonly trustedRoot: string;
  readonly ctLogs: string;
  readonly tlsCa: string;
}

/** @param folder is made where it is not there */
export function writeAnchors(
  { amd, intel, nvidia, sigstore, web, logs, now }: World,
  folder: string,
): AnchorFiles {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const roots = [amd.ark, intel.root.certificate, nvidia.deviceRoot.certificate, nvidia.rimRoot.certificate];
  return {
    hardware: write('root.pem', formatPemCertificates(roots)),
    trustedRoot: write('trusted_root.json', sigstore.trustedRootJson),
    ctLogs: write('ct-logs.json', ctLogListJson(logs, { timestamp: now })),
    tlsCa: write('tls-ca.pem', formatPemCertificates([web.root.certificate])),
  };
}

export function anchorWords({ hardware, trustedRoot, ctLogs, tlsCa }: AnchorFiles): string[] {
  return [
    ...['--allow-simulated', hardware],
    ...['--trusted-root', trustedRoot],
    ...['--ct-logs', ctLogs],
    ...['--tls-ca', tlsCa],
  ];
}
