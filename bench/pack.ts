/**
 * `vitrine pack` and `check` against mkfs.erofs and veritysetup, alternating in one run, medians.
 * usage: bench/pack.ts [--smoke] [--mib N] [--rounds N] [--folder DIR] [--ours-only]
 * Exits 1 when a bar is missed (not with --smoke, whose input is too small to say anything).
 */
import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatUuid, packSalt, packUuid, parsePackName } from '@vitrine/modelpack';
import { formatFile, hasherReport } from '@vitrine/verity/node';
import { setUp } from '../scripts/setup.ts';
import { median, run, timed } from './measure.ts';

const MIB = 1024 * 1024;
const NAME = 'bench/random-weights@1';
const BARS = { pack: 2.5, tree: 2, check: 2, peakBytes: 350e6 };

const { values: flags } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    mib: { type: 'string' },
    rounds: { type: 'string' },
    folder: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : '/tmp' },
    'ours-only': { type: 'boolean', default: false },
  },
});
const contentMib = Number(flags.mib ?? (flags.smoke ? 64 : 2048));
const rounds = Number(flags.rounds ?? (flags.smoke ? 1 : 5));
const vitrine = new URL('../packages/cli/src/main.ts', import.meta.url).pathname;
const name = parsePackName(NAME);

interface Round {
  readonly pack: number;
  readonly packPeakBytes: number;
  readonly check: number;
  readonly checkPeakBytes: number;
  readonly tree: number;
  readonly mkfs: number;
  readonly format: number;
  readonly verify: number;
}

setUp(['oracles']);
const withPeer =
  !flags['ours-only'] && existsSync('/usr/bin/mkfs.erofs') && existsSync('/usr/sbin/veritysetup');
const work = mkdtempSync(join(flags.folder, 'vitrine-bench-'));
try {
  const source = join(work, 'model');
  writeModel(source, contentMib);
  describeMachine();
  const results: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const result = { ...(await ours(source)), ...(await peer(source)) };
    results.push(result);
    console.log(`round ${round + 1}  ${describeRound(result)}`);
  }
  process.exitCode = summarize(results) || flags.smoke ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Four files of random weights and what usually lies beside them. */
function writeModel(folder: string, mib: number): void {
  mkdirSync(join(folder, 'tokenizer'), { recursive: true });
  const piece = Buffer.alloc(MIB);
  for (let shard = 1; shard <= 4; shard++) {
    const descriptor = openSync(join(folder, `model-0000${shard}-of-00004.safetensors`), 'w');
    for (let done = 0; done < mib / 4; done++) writeSync(descriptor, randomFillSync(piece));
    closeSync(descriptor);
  }
  for (const small of [
    'config.json',
    'generation_config.json',
    'README.md',
    'tokenizer/vocab.json',
    'tokenizer/merges.txt',
  ]) {
    writeFileSync(join(folder, small), randomFillSync(Buffer.alloc(50_000)).toString('base64'));
  }
}

/**
 * Writes as much as a pack has, and removes it. In a virtual machine the first touch of a page that the host took back
 * costs many times its writing: without this, whoever comes first in a round pays for all.
 */
function touchMemory(): void {
  const path = join(work, 'touched');
  const piece = Buffer.alloc(MIB, 1);
  const descriptor = openSync(path, 'w');
  for (let done = 0; done < contentMib + 32; done++) writeSync(descriptor, piece);
  closeSync(descriptor);
  rmSync(path);
}

async function ours(source: string): Promise<Omit<Round, 'mkfs' | 'format' | 'verify'>> {
  const out = join(work, 'ours');
  touchMemory();
  const packed = await run(process.execPath, [vitrine, 'pack', source, '--name', NAME, '--out', out]);
  const pack = join(out, 'bench/random-weights/1.mpk');
  const checked = await run(process.execPath, [vitrine, 'check', pack]);
  const hashOffsetBytes = Number(readFileSync(pack.replace(/mpk$/, 'info'), 'utf8').split('_')[1]);
  const tree = await timed(() =>
    formatFile({
      dataPath: pack,
      hashPath: join(work, 'tree'),
      hashOffsetBytes: 0,
      algorithm: 'sha256',
      dataBlockSizeBytes: 4096,
      hashBlockSizeBytes: 4096,
      dataBlockCount: hashOffsetBytes / 4096,
      salt: packSalt(name),
      uuid: packUuid(name),
    }),
  );
  rmSync(out, { recursive: true });
  rmSync(join(work, 'tree'));
  return {
    pack: packed.seconds,
    packPeakBytes: packed.peakBytes,
    check: checked.seconds,
    checkPeakBytes: checked.peakBytes,
    tree,
  };
}

async function peer(source: string): Promise<Pick<Round, 'mkfs' | 'format' | 'verify'>> {
  if (!withPeer) return { mkfs: NaN, format: NaN, verify: NaN };
  const image = join(work, 'peer.mpk');
  const uuid = formatUuid(packUuid(name));
  const salt = Buffer.from(packSalt(name)).toString('hex');
  touchMemory();
  const made = await run('/usr/bin/mkfs.erofs', ['--quiet', '--all-root', '-T0', `-U${uuid}`, image, source]);
  const offset = `--hash-offset=${statSync(image).size}`;
  const veritysetup = '/usr/sbin/veritysetup';
  const formatted = await run(veritysetup, [
    'format',
    `--uuid=${uuid}`,
    `--salt=${salt}`,
    offset,
    image,
    image,
  ]);
  const root = /Root hash:\s+([0-9a-f]{64})/.exec(formatted.stdout)![1]!;
  const verified = await run(veritysetup, ['verify', offset, image, image, root]);
  rmSync(image);
  return { mkfs: made.seconds, format: formatted.seconds, verify: verified.seconds };
}

function describeMachine(): void {
  const { implementation, reason } = hasherReport();
  console.log(`${contentMib} MiB of random weights in 4 files and 5 small ones, in ${flags.folder}`);
  console.log(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`,
  );
  console.log(`hashing with ${implementation} (${reason})`);
}

function describeRound(round: Round): string {
  const ourPart = `vitrine: pack ${s(round.pack)} check ${s(round.check)} tree ${s(round.tree)}`;
  if (!withPeer) return ourPart;
  return `${ourPart} | mkfs.erofs ${s(round.mkfs)} veritysetup format ${s(round.format)} verify ${s(round.verify)}`;
}

function s(seconds: number): string {
  return `${seconds.toFixed(2)} s`;
}

/** Prints medians and ratios. @returns whether every bar is met */
function summarize(results: readonly Round[]): boolean {
  const of = (pick: (round: Round) => number): number => median(results.map(pick));
  const peakBytes = Math.max(
    ...results.map(({ packPeakBytes, checkPeakBytes }) => Math.max(packPeakBytes, checkPeakBytes)),
  );
  const memoryMet = peakBytes < BARS.peakBytes;
  console.log(`\nmedians of ${rounds}`);
  console.log(
    `peak memory of vitrine: ${(peakBytes / 1e6).toFixed(0)} MB (bar: under 350 MB) ${verdict(memoryMet)}`,
  );
  if (!withPeer) {
    console.log('No ratio: mkfs.erofs and veritysetup are not here, or not wanted.');
    return memoryMet;
  }
  const rows = [
    {
      what: 'pack: mkfs.erofs + veritysetup format',
      peer: of((r) => r.mkfs + r.format),
      ours: of((r) => r.pack),
      bar: BARS.pack,
    },
    { what: 'tree: veritysetup format', peer: of((r) => r.format), ours: of((r) => r.tree), bar: BARS.tree },
    {
      what: 'check: veritysetup verify',
      peer: of((r) => r.verify),
      ours: of((r) => r.check),
      bar: BARS.check,
    },
  ];
  for (const { what, peer: theirs, ours: mine, bar } of rows) {
    const ratio = theirs / mine;
    console.log(
      `${what.padEnd(40)} ${s(theirs)} | vitrine ${s(mine)} | ${ratio.toFixed(2)} times faster (bar: ${bar}) ${verdict(ratio >= bar)}`,
    );
  }
  return memoryMet && rows.every(({ peer: theirs, ours: mine, bar }) => theirs / mine >= bar);
}

function verdict(met: boolean): string {
  if (flags.smoke) return '';
  return met ? 'met' : 'MISSED';
}
