/** What AMD, Intel, NVIDIA, GitHub and the logs of the simulated world answer, by the path of the question. */
import { decodeUtf8, sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { type GpuDevice, issueGpuOcsp } from '@vitrine/simtee';
import { createOcspRequest, formatPemCertificates } from '@vitrine/x509';
import { platformRepository } from './platforms.ts';
import type { Scene } from './scene.ts';
import { CT_ORIGIN, type World } from './world.ts';

export interface MirrorAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Undefined: nobody has it. @param path with the query */
export async function mirrorAnswer(
  scene: Scene,
  world: World,
  path: string,
  body: Uint8Array,
): Promise<MirrorAnswer | undefined> {
  if (path === '/') return binary(await ocspAnswer(scene, world, body));
  return (
    amdAnswer(scene, world, path) ??
    intelAnswer(world, path) ??
    (await rimAnswer(scene, path)) ??
    githubAnswer(scene, path) ??
    (await logAnswer(world, path))
  );
}

function amdAnswer({ vcek, crl }: Scene, { amd }: World, path: string): MirrorAnswer | undefined {
  if (path === '/vcek/v1/Genoa/cert_chain') return binary(utf8(formatPemCertificates([amd.ask, amd.ark])));
  if (path === '/vcek/v1/Genoa/crl') return binary(crl);
  return path.startsWith('/vcek/v1/Genoa/') ? binary(vcek.certificate.der) : undefined;
}

function intelAnswer({ collateral, platform }: World, path: string): MirrorAnswer | undefined {
  const withIssuers = (body: Uint8Array, name: string, chain: Uint8Array): MirrorAnswer => ({
    headers: { [name]: encodeURIComponent(new TextDecoder().decode(chain)) },
    body,
  });
  switch (path) {
    case `/tdx/certification/v4/tcb?fmspc=${toHex(platform.fmspc)}`:
      return withIssuers(collateral.tcbInfo, 'TCB-Info-Issuer-Chain', collateral.tcbInfoIssuerChain);
    case '/tdx/certification/v4/qe/identity':
      return withIssuers(
        collateral.qeIdentity,
        'SGX-Enclave-Identity-Issuer-Chain',
        collateral.qeIdentityIssuerChain,
      );
    case '/sgx/certification/v4/pckcrl?ca=platform&encoding=der':
      return withIssuers(collateral.pckCrl, 'SGX-PCK-CRL-Issuer-Chain', collateral.pckCrlIssuerChain);
    case '/IntelSGXRootCA.der':
      return binary(collateral.rootCrl);
    default:
      return undefined;
  }
}

async function rimAnswer({ rims }: Scene, path: string): Promise<MirrorAnswer | undefined> {
  const id = /^\/v1\/rim\/(.+)$/.exec(path)?.[1] ?? '';
  const rim = rims.get(id);
  return rim && json({ id, rim: toBase64(rim), sha256: toHex(await sha256(rim)) });
}

/** Signed anew for each question, for whichever certificate of a device it is about. */
async function ocspAnswer(
  scene: Scene,
  { otherGpu, now }: World,
  body: Uint8Array,
): Promise<Uint8Array | undefined> {
  for (const gpu of [...scene.gpus, otherGpu])
    for (let at = 0; at < gpu.holders.length - 1; at++)
      if (toHex(await ocspQuestion(gpu, at)) === toHex(body))
        return issueGpuOcsp(gpu.holders, at, {
          now,
          ...(at === 0 && scene.gpuStatus ? { status: scene.gpuStatus } : {}),
        });
  return undefined;
}

function ocspQuestion({ holders }: GpuDevice, at: number): Promise<Uint8Array> {
  return createOcspRequest(holders[at]!.certificate, holders[at + 1]!.certificate, { hash: 'SHA-384' });
}

function githubAnswer({ release, platforms }: Scene, path: string): MirrorAnswer | undefined {
  const latest = (repository: string, name: string) => `/${repository}/releases/latest/download/${name}`;
  const attestations = (repository: string, digest: Uint8Array) =>
    `/repos/${repository}/attestations/sha256:${toHex(digest)}`;
  switch (path) {
    case latest(release.repository, 'tinfoil.hash'):
      return { headers: { 'content-type': 'text/plain' }, body: utf8(`${toHex(release.digest)}\n`) };
    case latest(platformRepository, 'hardware-measurements.json'):
      return { headers: { 'content-type': 'application/json' }, body: platforms.file };
    case attestations(release.repository, release.digest):
      return json({ attestations: [{ bundle: JSON.parse(decodeUtf8(release.bundle)) as unknown }] });
    case attestations(platformRepository, platforms.digest):
      return json({ attestations: [{ bundle: JSON.parse(decodeUtf8(platforms.bundle)) as unknown }] });
    default:
      return undefined;
  }
}

async function logAnswer({ logs }: World, path: string): Promise<MirrorAnswer | undefined> {
  for (const log of logs) {
    // The log's clock is the real one: it serves now.
    const body = await log.answer(`${CT_ORIGIN}${path}`, new Date());
    if (body) return { headers: { 'content-type': 'application/json' }, body };
  }
  return undefined;
}

function binary(body: Uint8Array | undefined): MirrorAnswer | undefined {
  return body && { headers: { 'content-type': 'application/octet-stream' }, body };
}

function json(value: object): MirrorAnswer {
  return { headers: { 'content-type': 'application/json' }, body: utf8(JSON.stringify(value)) };
}
