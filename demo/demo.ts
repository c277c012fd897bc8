/**
 * Packs a model, proves the pack with other people's tools and a real kernel, and breaks one byte of it; then serves it
 * from simulated hardware, verifies the service, and attacks it.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setUp } from '../scripts/setup.ts';
import { runShown } from './command.ts';
import { flipOneByte } from './flip.ts';
import { chooseModel } from './model/index.ts';
import { compareMounted } from './mount.ts';
import { type Pack, readPack } from './pack.ts';
import { compareWithReference } from './reference.ts';
import { runServiceSteps } from './service/steps.ts';
import { needed, Skipped, Steps } from './step.ts';
import { bootUnderVerity, type BootVerdict, cannotBoot } from './vm/boot.ts';

const repository = join(import.meta.dirname, '..');
const output = 'output/demo';
const BOOT_TIMEOUT_MS = 120_000;

const print = (line: string) => {
  console.log(line);
};
/** The very command of this repository; `node` is Node 24, which scripts/run.sh put first on the PATH. */
const vitrine = (...words: string[]) =>
  runShown(['node', 'packages/cli/src/main.ts', ...words], repository, print);

print('Vitrine: a model becomes one immutable file with one hash, and a kernel refuses any other bytes;');
print('who answers at an address is proven, hardware, code, model and key, before a prompt leaves.');
setUp(['oracles', 'machine']);
// A pack of an earlier run must not stand in for one that was not made.
rmSync(join(repository, output), { recursive: true, force: true });
const steps = new Steps(print);

const model = await steps.run('A model', async () => {
  const chosen = await chooseModel(repository, join(repository, output), print);
  runShown(['ls', '-l', chosen.folder], repository, print);
  return [chosen.description, chosen];
});

const pack = await steps.run('Pack it: EROFS image, dm-verity tree, manifest', () => {
  const { folder, name } = needed(model, 'the model');
  const { status } = vitrine('pack', folder, '--name', name, '--out', output);
  if (status !== 0) throw new Error(`vitrine pack ended with status ${status}`);
  const made = readPack(repository, output, name);
  return [`root hash ${made.rootHash} stands for all ${made.files.size} files`, made];
});

await steps.run('Check it: every block against the root hash, every file against the manifest', () => {
  const { path } = needed(pack, 'the pack');
  const { status } = vitrine('check', path, '--manifest', path.replace(/mpk$/, 'json'));
  if (status !== 0) throw new Error(`vitrine check ended with status ${status}`);
  return ['intact', undefined];
});

await steps.run('Make the same pack with mkfs.erofs and veritysetup', () => {
  const { folder, name } = needed(model, 'the model');
  const request = { repository, modelFolder: folder, name, pack: needed(pack, 'the pack'), print };
  return [compareWithReference({ ...request, path: `${output}/reference.mpk` }), undefined];
});

await steps.run('Let the kernel of this machine mount it and compare every file with the source', () => {
  const packPath = join(repository, needed(pack, 'the pack').path);
  const sourceFolder = join(repository, needed(model, 'the model').folder);
  const mounted = compareMounted({ packPath, sourceFolder, log: (line) => print(`$ ${line}`) });
  if (mounted.verdict === 'skipped') throw new Skipped(mounted.reason);
  if (mounted.verdict === 'differs') throw new Error(mounted.differences.join('; '));
  return [
    `${mounted.fileCount} files, ${mounted.sizeBytes.toLocaleString('en')} bytes, every mode: the same`,
    undefined,
  ];
});

await steps.run('Boot a virtual machine that opens it under dm-verity', async () => {
  const intact = needed(pack, 'the pack');
  const boot = await bootShown(intact, intact.path);
  if (boot.verdict === 'refused')
    throw new Error(`the kernel refused it at stage ${boot.stage}: ${boot.reason}`);
  for (const [path, sha256] of boot.files) print(`  ${sha256}  ${path}`);
  compareWithManifest(boot.files, intact);
  return [`the kernel read ${boot.files.size} files, each with the manifest's SHA-256`, undefined];
});

const flipped = await steps.run('Flip one bit of one byte in a copy', () => {
  const folder = `${output}/flipped`;
  const copy = flipOneByte(repository, needed(pack, 'the pack'), needed(model, 'the model').folder, folder);
  return [`byte ${copy.offsetBytes} of ${copy.packPath}, which belongs to ${copy.file}`, copy];
});

await steps.run('Check the copy: it must be refused, with the name of the file', () => {
  const { packPath, file } = needed(flipped, 'the copy');
  const { status, stderr } = vitrine('check', packPath);
  if (status !== 1) throw new Error(`vitrine check ended with status ${status}, 1 was expected`);
  if (!stderr.includes(file)) throw new Error(`vitrine check refused the copy without naming ${file}`);
  return [`refused with status 1, naming ${file}`, undefined];
});

await steps.run('Boot the copy: the kernel must refuse it too', async () => {
  const { packPath, offsetBytes } = needed(flipped, 'the copy');
  const boot = await bootShown(needed(pack, 'the pack'), packPath);
  if (boot.verdict === 'opened') throw new Error('the kernel opened a pack with a changed byte');
  if (!boot.reason.includes(`data block ${Math.floor(offsetBytes / 4096)} is corrupted`)) {
    throw new Error(`the machine stopped at stage ${boot.stage} for another reason: ${boot.reason}`);
  }
  return [`refused; the kernel says: ${boot.reason.split(';')[0] ?? ''}`, undefined];
});

await runServiceSteps(steps, { repository, output, model: pack && infoOf(pack), print });

process.exitCode = steps.summarise();

/** ROOT_OFFSET_UUID: how a deployment names the pack. */
function infoOf({ rootHash, hashOffsetBytes, uuid }: Pack): string {
  return `${rootHash}_${hashOffsetBytes}_${uuid}`;
}

/** Both boots carry the intact pack's root hash on the kernel command line. */
async function bootShown({ rootHash, hashOffsetBytes }: Pack, path: string): Promise<BootVerdict> {
  const obstacle = cannotBoot();
  if (obstacle !== undefined) throw new Skipped(obstacle);
  const request = { packPath: join(repository, path), rootHash, hashOffsetBytes };
  const boot = await bootUnderVerity({
    ...request,
    timeoutMs: BOOT_TIMEOUT_MS,
    log: (line) => print(`  ${line}`),
  });
  const how = boot.accelerator === 'kvm' ? 'KVM' : 'software emulation';
  print(`  Linux ${boot.kernel} in QEMU (${how}): ${boot.seconds.toFixed(1)} s`);
  return boot;
}

function compareWithManifest(read: ReadonlyMap<string, string>, { files }: Pack): void {
  for (const [path, { sha256 }] of files) {
    if (read.get(path) !== sha256)
      throw new Error(`${path} has SHA-256 ${read.get(path) ?? 'none'}, manifest ${sha256}`);
  }
  if (read.size !== files.size)
    throw new Error(`the kernel read ${read.size} files, the manifest has ${files.size}`);
}
