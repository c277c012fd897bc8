/**
 * A whole verification from a saved proof, against the package that verifies the same kind of bundle, alternating in one
 * run; and the command from its start to its end.
 * usage: bench/verify.ts [--smoke] [--rounds N]
 * Exits 1 when a bar is missed (not with --smoke).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Anchors,
  type AttestationResult,
  parsePolicy,
  parseProof,
  verifyProof,
  writeProof,
} from '@vitrine/verifier';
import { hasFixtures } from '../packages/evidence/test/fixtures.ts';
import { anchorWords, writeAnchors } from '../packages/verifier/test/end-to-end/anchors.ts';
import { honestScene } from '../packages/verifier/test/end-to-end/scene.ts';
import { type World, createWorld } from '../packages/verifier/test/end-to-end/world.ts';
import { anchorsOf, gather } from '../packages/verifier/test/result/gathered.ts';
import { installPeers } from './install-peers.ts';
import { median } from './measure.ts';
import { type RealBundle, loadRealBundle, peerVerifier, proofOfBundle } from './real-bundle.ts';

const BARS = { ratio: 2, coldStartMs: 400 };

const { values: flags } = parseArgs({
  options: { smoke: { type: 'boolean', default: false }, rounds: { type: 'string' } },
});
const rounds = Number(flags.rounds ?? (flags.smoke ? 3 : 100));
const starts = flags.smoke ? 2 : 10;

interface Contender {
  readonly name: string;
  readonly work: () => Promise<unknown>;
}

console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`,
);
const world = await createWorld({ now: new Date(Date.now() - 60_000) });
const saved = await gpuProof(world);
const real = hasFixtures && installPeers() ? await loadRealBundle(world) : undefined;
const met = [...(await contest(world, saved, real)), coldStart(world, saved)];
process.exitCode = met.every(Boolean) || flags.smoke ? 0 : 1;

/** The proof of a service with SNP and a GPU; its manifests, OCSP and inclusion proofs are in it. */
async function gpuProof(of: World): Promise<Uint8Array> {
  const release = await of.issueRelease({ gpus: 1 });
  const { proof } = await gather({ world: of, scene: { ...honestScene(of), release, gpus: [of.gpus[0]] } });
  return writeProof(proof);
}

async function contest(of: World, proof: Uint8Array, bundle: RealBundle | undefined): Promise<boolean[]> {
  const simulated = await anchorsOf(of);
  const whole: Contender = {
    name: 'vitrine, whole: SNP, revocation, GPU with manifests and OCSP, Sigstore, CT with inclusion, policy',
    work: await verified(proof, simulated),
  };
  if (!bundle) {
    console.log('No fixtures, or no peer: the whole verification alone.');
    report(whole, (await alternate([whole]))[0]!);
    return [];
  }
  const { bytes, anchors } = await proofOfBundle(bundle, simulated);
  const same: Contender = {
    name: 'vitrine, the same bundle: SNP, Sigstore, certificate with its chain and CT, policy',
    work: await passing(bytes, anchors),
  };
  const peer: Contender = {
    name: '@tinfoilsh/verifier 1.1.0, verifyBundle: SNP, Sigstore, names of the certificate',
    work: await peerVerifier(bundle),
  };
  const [peerMs, sameMs, wholeMs] = (await alternate([peer, same, whole])) as [number, number, number];
  report(peer, peerMs);
  const isMet = ratio(same, sameMs, peerMs);
  // Fourteen P-384 verifications of a GPU and its manifests, which the peer does not make: no bar for that.
  report(whole, wholeMs);
  return [isMet];
}

/** @returns medians in milliseconds */
async function alternate(contenders: readonly Contender[]): Promise<number[]> {
  const warmUp = Math.ceil(rounds / 10);
  console.log(`medians of ${rounds} alternating rounds, after ${warmUp} to warm up`);
  const times = contenders.map((): number[] => []);
  for (let round = -warmUp; round < rounds; round++)
    for (const [at, { work }] of contenders.entries()) {
      const started = performance.now();
      await work();
      if (round >= 0) times[at]!.push(performance.now() - started);
    }
  return times.map(median);
}

/** A program reads its policy once; the peer's is compiled in. */
async function replayed(proof: Uint8Array, anchors: Anchors): Promise<() => Promise<AttestationResult>> {
  const policy = await parsePolicy((await parseProof(proof)).policy);
  return () => verifyProof(proof, { anchors, policy });
}

async function verified(proof: Uint8Array, anchors: Anchors): Promise<Contender['work']> {
  const replay = await replayed(proof, anchors);
  return async () => {
    const { verdict } = await replay();
    if (verdict !== 'verified') throw new Error(`The proof of the benchmark is ${verdict}.`);
  };
}

/** What the bundle has no answer to (a nonce, AMD's list) is not checked; what the peer looks at too, and more, must pass. */
async function passing(proof: Uint8Array, anchors: Anchors): Promise<Contender['work']> {
  const replay = await replayed(proof, anchors);
  return async () => requireAll(await replay());
}

function requireAll({ groups }: AttestationResult): void {
  const checks = groups.flatMap((group) => group.checks);
  const needed = [
    ...['runtime.evidence', 'runtime.binding', 'code.signature', 'code.builder', 'code.subject'],
    ...['consistency.measurement', 'channel.certificate', 'channel.transparency'],
    'channel.commitments',
  ];
  for (const rule of needed) {
    const check = checks.find((one) => one.rule === rule);
    if (check?.outcome !== 'pass') throw new Error(`${rule}: ${JSON.stringify(check)}`);
  }
}

function report({ name }: Contender, ms: number, rest = ''): void {
  console.log(`${ms.toFixed(1).padStart(6)} ms  ${name}${rest}`);
}

function ratio(contender: Contender, ms: number, peerMs: number): boolean {
  const times = peerMs / ms;
  const isMet = times >= BARS.ratio;
  report(contender, ms, `: ${times.toFixed(2)} times faster (bar: ${BARS.ratio})${verdict(isMet)}`);
  return isMet;
}

/** The command as a user starts it, compile cache warm; beside it, what Node alone takes. */
function coldStart(of: World, proof: Uint8Array): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-bench-'));
  try {
    const path = join(folder, 'proof.json');
    writeFileSync(path, proof);
    const anchors = writeAnchors(of, join(folder, 'anchors'));
    const command = new URL('../packages/cli/src/start.js', import.meta.url).pathname;
    const words = ['verify', '--proof', path, ...anchorWords(anchors)];
    const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache'), NODE_COMPILE_CACHE: undefined };
    const spawn = (args: readonly string[]): number => {
      const started = performance.now();
      const { status, stderr } = spawnSync(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', ...args],
        {
          env,
          encoding: 'utf8',
        },
      );
      if (status !== 0) throw new Error(`${args.join(' ')} ended with ${String(status)}: ${stderr}`);
      return performance.now() - started;
    };
    for (let at = 0; at < 2; at++) spawn([command, ...words]);
    const times = Array.from({ length: starts }, () => ({
      command: spawn([command, ...words]),
      node: spawn(['-e', '0']),
    }));
    const ms = median(times.map((time) => time.command));
    const nodeMs = median(times.map((time) => time.node));
    const isMet = ms < BARS.coldStartMs;
    console.log(
      `cold start of vitrine verify --proof: ${ms.toFixed(0)} ms, of which Node alone ${nodeMs.toFixed(0)} ms, median of ${starts} (bar: under ${BARS.coldStartMs} ms)${verdict(isMet)}`,
    );
    return isMet;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function verdict(isMet: boolean): string {
  if (flags.smoke) return '';
  return isMet ? ' met' : ' MISSED';
}
