/**
 * Full verification of evidence against the packages that do the same, alternating in one run, medians; and the size of
 * the browser bundle.
 * usage: bench/evidence.ts [--smoke] [--rounds N]
 * Exits 1 when a bar is missed (not with --smoke).
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { parsePemBlocks } from '@vitrine/bytes';
import {
  appraiseGpu,
  authenticateGpu,
  authenticateRim,
  authenticateSnp,
  authenticateTdx,
  parseTdxCollateralJson,
} from '@vitrine/evidence';
import { bundle } from '../packages/evidence/test/bundle.ts';
import { fixturesFolder, hasFixtures } from '../packages/evidence/test/fixtures.ts';
import { installPeers, peerModule } from './install-peers.ts';
import { median } from './measure.ts';

const BARS = { snpMs: 2, tdxRatio: 2, gpuMs: 30, bundleBytes: 100_000 };

const { values: flags } = parseArgs({
  options: { smoke: { type: 'boolean', default: false }, rounds: { type: 'string' } },
});
const rounds = Number(flags.rounds ?? (flags.smoke ? 5 : 200));

/** One contender's work, once. */
type Work = () => unknown;
interface Contest {
  readonly what: string;
  readonly ours: Work;
  readonly peer?: { readonly name: string; readonly work: Work };
  /** What the medians must be, in milliseconds; the peer's is NaN without one. */
  readonly isMet: (oursMs: number, peerMs: number) => boolean;
  readonly bar: string;
}

if (!hasFixtures) {
  console.log(`No fixtures at ${fixturesFolder}: nothing to verify, nothing measured.`);
} else {
  console.log(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`,
  );
  console.log(`medians of ${rounds} alternating rounds, after ${warmUpRounds()} to warm up`);
  const met: boolean[] = [];
  const peers = installPeers();
  for (const contest of [await snpContest(peers), await tdxContest(peers), gpuContest()])
    met.push(await run(contest));
  met.push(await bundleSize());
  process.exitCode = met.every(Boolean) || flags.smoke ? 0 : 1;
}

function warmUpRounds(): number {
  return Math.ceil(rounds / 10);
}

function fixture(path: string): Uint8Array {
  return new Uint8Array(readFileSync(join(fixturesFolder, path)));
}

/** A report of Genoa, version 3, with its VCEK: chain and report. */
async function snpContest(withPeers: boolean): Promise<Contest> {
  const report = fixture('snp/ms-genoa-v3/report.bin');
  const vek = parsePemBlocks(Buffer.from(fixture('snp/ms-genoa-v3/vcek.pem')).toString(), 'CERTIFICATE')[0]!;
  // The peer looks at the clock itself.
  const now = new Date();
  const contest: Contest = {
    what: 'SNP report with its chain',
    ours: () => authenticateSnp({ report, vek, now }),
    bar: `under ${BARS.snpMs} ms`,
    isMet: (oursMs) => oursMs < BARS.snpMs,
  };
  if (!withPeers) return contest;
  const { verifyAttestation } = (await peerModule('@tinfoilsh/verifier/dist/index.js')) as {
    verifyAttestation: (document: { format: string; body: string }, vcek: string) => Promise<unknown>;
  };
  const document = {
    format: 'https://tinfoil.sh/predicate/sev-snp-guest/v2',
    body: gzipSync(report).toString('base64'),
  };
  const vcek = Buffer.from(vek).toString('base64');
  return {
    ...contest,
    peer: { name: '@tinfoilsh/verifier 1.1.0', work: () => verifyAttestation(document, vcek) },
  };
}

/** A quote of version 4 with all of its collateral: chains, both lists, TCB info, QE identity, levels. */
async function tdxContest(withPeers: boolean): Promise<Contest> {
  const quote = fixture('tdx/quotes/phala.bin');
  const document = fixture('tdx/collateral/2025-07-01/original_phala_collateral.json');
  const now = new Date('2025-07-01T00:00:00Z');
  const collateral = parseTdxCollateralJson(document);
  const contest: Contest = {
    what: 'TDX quote with collateral',
    ours: () => authenticateTdx({ quote, collateral, now }),
    bar: `${BARS.tdxRatio} times faster`,
    isMet: (oursMs, peerMs) => Number.isNaN(peerMs) || peerMs / oursMs >= BARS.tdxRatio,
  };
  if (!withPeers) return contest;
  const { verify } = (await peerModule('@phala/dcap-qvl/src/index.js')) as {
    verify: (quote: Uint8Array, collateral: unknown, seconds: number) => unknown;
  };
  const peerCollateral: unknown = JSON.parse(Buffer.from(document).toString());
  const peerQuote = Buffer.from(quote);
  const work: Work = () => verify(peerQuote, peerCollateral, now.getTime() / 1000);
  return { ...contest, peer: { name: '@phala/dcap-qvl 0.3.9', work } };
}

/** A report of a Hopper GPU with both of its RIMs: three chains, three signatures, every golden measurement. No package does that. */
function gpuContest(): Contest {
  const report = fixture('nvidia/hopper/545.00/report.bin');
  const chain = Buffer.from(fixture('nvidia/hopper/545.00/chain.pem')).toString();
  const driver = fixture('nvidia/rim/nvtrust/Driver_RIM_test_no_gpu.swidtag');
  const vbios = fixture('nvidia/rim/nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag');
  const now = new Date('2024-06-01T00:00:00Z');
  const ours = async (): Promise<void> => {
    const [authentic, driverRim, vbiosRim] = await Promise.all([
      authenticateGpu({ report, chain, now }),
      authenticateRim({ xml: driver, now }),
      authenticateRim({ xml: vbios, now }),
    ]);
    const { rim } = appraiseGpu(authentic, { driverRim, vbiosRim });
    if (rim !== 'match') throw new Error('The measurements of the benchmark do not match.');
  };
  return {
    what: 'GPU report with two RIMs',
    ours,
    bar: `under ${BARS.gpuMs} ms`,
    isMet: (oursMs) => oursMs < BARS.gpuMs,
  };
}

async function run(contest: Contest): Promise<boolean> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -warmUpRounds(); round < rounds; round++) {
    const oursMs = await elapsedMs(contest.ours);
    const theirsMs = contest.peer ? await elapsedMs(contest.peer.work) : NaN;
    if (round < 0) continue;
    ours.push(oursMs);
    theirs.push(theirsMs);
  }
  const [oursMs, peerMs] = [median(ours), median(theirs)];
  const isMet = contest.isMet(oursMs, peerMs);
  const peer = contest.peer
    ? ` | ${contest.peer.name} ${peerMs.toFixed(2)} ms | ${(peerMs / oursMs).toFixed(1)} times faster`
    : '';
  console.log(
    `${contest.what.padEnd(30)} ${oursMs.toFixed(2)} ms${peer} (bar: ${contest.bar}) ${verdict(isMet)}`,
  );
  return isMet;
}

async function elapsedMs(work: Work): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Evidence and measure as one script for a page. */
async function bundleSize(): Promise<boolean> {
  const entry = new URL('evidence-and-measure.ts', import.meta.url).pathname;
  const code = await bundle(entry, { minify: true });
  const gzipBytes = gzipSync(code, { level: 9 }).length;
  const isMet = gzipBytes < BARS.bundleBytes;
  console.log(
    `browser bundle of evidence and measure: ${code.length} bytes, ${gzipBytes} gzipped (bar: under ${BARS.bundleBytes}) ${verdict(isMet)}`,
  );
  return isMet;
}

function verdict(isMet: boolean): string {
  if (flags.smoke) return '';
  return isMet ? 'met' : 'MISSED';
}
