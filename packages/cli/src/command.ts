/** The words of the command line: parsed here, done elsewhere. Each command loads only what it needs, to start sooner. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EXIT, codeOf, exitStatusOf } from './exit.ts';
import type { IdBlockFlags, SnpFlags, TdxFlags } from './measure-command.ts';
import type { PackFlags } from './pack-command.ts';
import type { PolicyInitFlags } from './policy-command.ts';
import { type Terminal, paint, plain } from './terminal.ts';
import type { VerifyFlags } from './verify-command.ts';

export const VERSION = '0.1.0';

export interface CommandEdge extends Terminal {
  /** Writes bytes to standard output, and waits until they are taken. */
  readonly writeBytes: (bytes: Uint8Array) => Promise<void>;
}

/** Runs one command line. @returns the exit status */
export async function runCommand(words: readonly string[], edge: CommandEdge): Promise<number> {
  let status: number = EXIT.ok;
  const program = buildProgram(edge, (result) => (status = result));
  try {
    await program.parseAsync([...words], { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    explain(error, words.includes('--json'), edge);
    return exitStatusOf(error);
  }
}

/** A typed error is a sentence; anything else is a defect of ours, and keeps its stack. */
function explain(error: unknown, json: boolean, edge: CommandEdge): void {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (json) edge.stdout.write(`${JSON.stringify({ event: 'error', code: code ?? 'INTERNAL', message })}\n`);
  const text = code === undefined && error instanceof Error ? (error.stack ?? message) : plain(message);
  edge.stderr.write(
    `${paint(edge, edge.stderr, 31, code === undefined ? 'internal error' : code)}: ${text}\n`,
  );
}

function buildProgram(edge: CommandEdge, finish: (status: number) => void): Command {
  const program = new Command('vitrine')
    .description('Pack a model so that everyone can prove what is in it; prove who answers at an address.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(vitrine --help shows all commands)')
    .configureOutput({
      writeOut: (text) => void edge.stdout.write(text),
      writeErr: (text) => void edge.stderr.write(text),
    });
  const root = (): Option =>
    new Option(
      '--root <root>',
      'root hash, ROOT_OFFSET_UUID, or a file with one; by default the .info beside the pack',
    );
  const json = (): Option => new Option('--json', 'answers as JSON');
  const jobs = (): Option => new Option('--jobs <n>', 'worker threads').argParser(positiveInteger);

  program
    .command('pack')
    .description('make a model pack of a folder, or of a model on the Hub')
    .argument('<source>', 'a folder, or owner/name[@revision]')
    .option('--name <owner/name@revision>', 'name of a pack that is made of a folder')
    .option('--out <folder>', 'where packs are written', './output')
    .option('--include <glob>', 'only files that match (repeatable; * matches slashes too)', collect, [])
    .option('--exclude <glob>', 'leave out files and folders that match (repeatable)', collect, [])
    .option('--revision <revision>', 'branch, tag or commit on the Hub')
    .addOption(jobs())
    .addOption(json())
    .action(async (source: string, flags: PackFlags) => {
      const { packCommand } = await import('./pack-command.ts');
      finish(await packCommand(source, flags, edge));
    });
  program
    .command('check')
    .description('check every byte of a pack against its root hash')
    .argument('<pack>', 'a .mpk file')
    .argument(
      '[root]',
      'root hash, ROOT_OFFSET_UUID, or a file with one; by default the .info beside the pack',
    )
    .option('--manifest <file>', 'check against a manifest: root, name, and every file')
    .addOption(jobs())
    .addOption(json())
    .action(async (pack: string, expected: string | undefined, flags: object) => {
      const { checkCommand } = await import('./check-command.ts');
      finish(await checkCommand(pack, expected, flags, edge));
    });
  program
    .command('inspect')
    .description('say what a pack is: image, contents, tree')
    .argument('<pack>')
    .addOption(root())
    .addOption(json())
    .action(async (pack: string, flags: object) => {
      const { inspectCommand } = await lookCommands();
      finish(await inspectCommand(pack, flags, edge));
    });
  program
    .command('ls')
    .description('list what is in a pack')
    .argument('<pack>')
    .argument('[path]', 'a folder or file in the pack', '')
    .addOption(root())
    .addOption(json())
    .action(async (pack: string, path: string, flags: object) => {
      const { lsCommand } = await lookCommands();
      finish(await lsCommand(pack, path, flags, edge));
    });
  program
    .command('cat')
    .description('write a file of a pack to standard output')
    .argument('<pack>')
    .argument('<path>')
    .addOption(root())
    .action(async (pack: string, path: string, flags: object) => {
      const { catCommand } = await lookCommands();
      finish(await catCommand(pack, path, flags, edge, edge.writeBytes));
    });
  program
    .command('extract')
    .description('write all files of a pack into a new folder')
    .argument('<pack>')
    .argument('<folder>')
    .addOption(root())
    .addOption(json())
    .action(async (pack: string, folder: string, flags: object) => {
      const { extractCommand } = await lookCommands();
      finish(await extractCommand(pack, folder, flags, edge));
    });
  addVerifyCommands(program, json, edge, finish);
  addEvidenceCommands(program, json, edge, finish);
  addMeasureCommands(program, json, edge, finish);
  return program;
}

function addVerifyCommands(
  program: Command,
  json: () => Option,
  edge: CommandEdge,
  finish: (status: number) => void,
): void {
  /** Whom to believe and where to ask: the same for each command that asks a service. */
  const addEdge = (command: Command): Command =>
    command
      .option('--repo <owner/name>', 'the repository whose releases may answer')
      .option('--policy <file>', 'what is accepted (docs/policy.md)')
      .option('--dialect <dialect>', 'vitrine, tinfoil or blyss; by default found out')
      .option('--offline', 'ask nobody but the service: use the document and the cache')
      .option('--allow-simulated <root.pem>', 'roots of simulated hardware, for development')
      .option('--trusted-root <file>', 'a Sigstore trusted_root.json besides the public one', collect, [])
      .option('--ct-logs <file>', 'a list of Certificate Transparency logs instead of the built-in one')
      .option('--tls-ca <file>', "certification authorities besides this machine's, in PEM")
      .option(
        '--boot-part <file>',
        'firmware, kernel or initrd to recompute the measurement with',
        collect,
        [],
      )
      .option('--mirror <from=to>', 'ask another origin instead of a vendor', collect, [])
      .option('--timeout <seconds>', 'for each request')
      .addOption(json());
  addEdge(
    program
      .command('verify')
      .description('prove who answers at an address: hardware, code, measurement, connection')
      .argument('[url]'),
  )
    .option('--proof <file>', 'a saved proof instead of an address: no network')
    .option('--at <time>', 'with a proof: the time to judge by; by default when it was gathered')
    .option('--save-proof <file>', 'keep every byte that went into the verdict')
    .option('--watch <interval>', 'verify again and again (30s, 5m, 1h), and say what changed')
    .option('-v, --verbose', 'every rule, with hashes and inputs')
    .action(async (url: string | undefined, flags: VerifyFlags) => {
      const { verifyCommand } = await import('./verify-command.ts');
      finish(await verifyCommand(url, flags, edge));
    });
  const policy = program.command('policy').description('write, and explain, what is accepted');
  addEdge(
    policy
      .command('init')
      .description('draft a policy from what a service shows, for a person to review')
      .argument('<url>'),
  )
    .option('--out <file>', 'a new file; by default standard output')
    .action(async (url: string, flags: PolicyInitFlags) => {
      const { policyInitCommand } = await import('./policy-command.ts');
      finish(await policyInitCommand(url, flags, edge));
    });
  policy
    .command('explain')
    .description('a policy in plain words')
    .argument('[file]', 'by default the built-in policy')
    .option('--repo <owner/name>', 'for the built-in policy')
    .addOption(json())
    .action(async (path: string | undefined, flags: { repo?: string; json?: boolean }) => {
      const { policyExplainCommand } = await import('./policy-command.ts');
      finish(await policyExplainCommand(path, flags, edge));
    });
}

function addEvidenceCommands(
  program: Command,
  json: () => Option,
  edge: CommandEdge,
  finish: (status: number) => void,
): void {
  const evidence = program.command('evidence').description('look at, and verify, what hardware attests');
  evidence
    .command('show')
    .description('decode a report, quote, certificate, list, collateral, RIM or event log')
    .argument('<file>', 'raw, or as hexadecimal or base64 text')
    .addOption(json())
    .action(async (file: string, flags: object) => {
      const { evidenceShowCommand } = await import('./evidence-command.ts');
      finish(evidenceShowCommand(file, flags, edge));
    });
  evidence
    .command('verify')
    .description("check a report or quote up to the vendor's root; print every check")
    .argument('<file>', 'raw, or as hexadecimal or base64 text')
    .option('--endorsements <folder>', 'certificates, revocation lists, collateral, RIMs')
    .option('--anchors <folder>', "trust anchors instead of the vendor's: for simulated hardware")
    .option('--at <time>', "the time to judge by; by default the clock's")
    .option('--report-data <hex>', 'what REPORT_DATA must be')
    .option('--measurement <hex>', 'what the launch measurement (SNP) or MRTD (TDX) must be')
    .option('--nonce <hex>', 'what the nonce of a GPU report must be')
    .addOption(json())
    .action(async (file: string, flags: object) => {
      const { evidenceVerifyCommand } = await import('./evidence-command.ts');
      finish(await evidenceVerifyCommand(file, flags, edge));
    });
}

function addMeasureCommands(
  program: Command,
  json: () => Option,
  edge: CommandEdge,
  finish: (status: number) => void,
): void {
  const measure = program.command('measure').description('say what the launch measurement of a VM must be');
  const add = (name: string, description: string): Command =>
    measure
      .command(name)
      .description(description)
      .requiredOption('--firmware <file>', 'the firmware of the VM')
      .option('--kernel <file>', 'a kernel that is booted directly')
      .option('--initrd <file>', 'its initrd')
      .option('--cmdline <text>', 'its command line')
      .option('--cmdline-file <file>', 'or a file that holds it')
      .option('--explain', 'every page or event that goes in')
      .addOption(json());
  add('snp', 'SEV-SNP: the launch digest')
    .requiredOption('--vcpus <n>', 'virtual processors')
    .option('--vcpu-type <type>', "QEMU's name of the processor: EPYC-Milan-v2")
    .option('--vcpu-signature <n>', 'or its CPUID signature')
    .option('--vmm <vmm>', 'qemu, ec2 or gce', 'qemu')
    .option('--guest-features <n>', 'SEV_FEATURES', '0x1')
    .option('--svsm <file>', 'an SVSM, which lies below the firmware')
    .option('--vars-size <bytes>', "with an SVSM: size of the firmware's variables")
    .action(async (flags: SnpFlags) => {
      const { measureSnpCommand } = await import('./measure-command.ts');
      finish(await measureSnpCommand(flags, edge));
    });
  add('tdx', 'TDX: MRTD, RTMR1 and RTMR2 of a direct boot, and RTMR0 from what QEMU tells the firmware')
    .option('--ordering <ordering>', 'how the VMM adds pages: single-pass or two-pass', 'two-pass')
    .option('--memory-mib <n>', 'memory of the VM', '4096')
    .option('--acpi-loader <file>', "RTMR0: QEMU's fw_cfg file etc/table-loader")
    .option('--acpi-rsdp <file>', 'RTMR0: etc/acpi/rsdp')
    .option('--acpi-tables <file>', 'RTMR0: etc/acpi/tables')
    .option(
      '--boot-variable <file>',
      'RTMR0: data of BootOrder, then of each entry (repeatable)',
      collect,
      [],
    )
    .option('--cfv <file>', "RTMR0: a configuration volume that is not the firmware's own")
    .action(async (flags: TdxFlags) => {
      const { measureTdxCommand } = await import('./measure-command.ts');
      finish(await measureTdxCommand(flags, edge));
    });
  measure
    .command('diff')
    .description('say which input of two measurements differs; status 1 if any does')
    .argument('<a>', 'what "measure snp" or "measure tdx" printed with --json')
    .argument('<b>')
    .addOption(json())
    .action(async (a: string, b: string, flags: object) => {
      const { measureDiffCommand } = await import('./measure-command.ts');
      finish(measureDiffCommand(a, b, flags, edge));
    });
  measure
    .command('id-block')
    .description('SEV-SNP: sign a launch digest, so that the processor launches nothing else')
    .requiredOption('--measurement <hex>', 'the launch digest')
    .requiredOption('--id-key <file>', 'private key on P-384, in PEM')
    .option('--author-key <file>', 'private key that signs the ID key')
    .requiredOption('--policy <n>', 'guest policy that the VM is launched with')
    .option('--family-id <hex>', '16 bytes', '00'.repeat(16))
    .option('--image-id <hex>', '16 bytes', '00'.repeat(16))
    .option('--guest-svn <n>', 'security version of the guest', '0')
    .addOption(json())
    .action(async (flags: IdBlockFlags) => {
      const { measureIdBlockCommand } = await import('./measure-command.ts');
      finish(await measureIdBlockCommand(flags, edge));
    });
}

function lookCommands(): Promise<typeof import('./look-commands.ts')> {
  return import('./look-commands.ts');
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 256) return value;
  throw new InvalidArgumentError('It must be a whole number from 1 to 256.');
}
