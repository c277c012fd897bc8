/** `vitrine measure`: the registers a VM must have and all that goes into them, what differs, and ID blocks. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { decodeUtf8, fromHex, toBase64, toHex } from '@vitrine/bytes';
import {
  type Difference,
  type MeasuredPage,
  type SigningKeys,
  createIdBlock,
  diffMeasurements,
  manifestOfSnp,
  manifestOfTdx,
  parseMeasurementManifest,
  verifyIdBlock,
} from '@vitrine/measure';
import { EXIT, UsageError } from './exit.ts';
import { type Terminal, plain } from './terminal.ts';

export interface MeasureFlags {
  readonly firmware: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly cmdline?: string;
  readonly cmdlineFile?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
}

export interface SnpFlags extends MeasureFlags {
  readonly vcpus: string;
  readonly vcpuType?: string;
  readonly vcpuSignature?: string;
  readonly vmm: string;
  readonly guestFeatures: string;
  readonly svsm?: string;
  readonly varsSize?: string;
}

export interface TdxFlags extends MeasureFlags {
  readonly ordering: string;
  readonly memoryMib: string;
  readonly acpiLoader?: string;
  readonly acpiRsdp?: string;
  readonly acpiTables?: string;
  readonly bootVariable: readonly string[];
  readonly cfv?: string;
}

export interface IdBlockFlags {
  readonly measurement: string;
  readonly idKey: string;
  readonly authorKey?: string;
  readonly familyId: string;
  readonly imageId: string;
  readonly guestSvn: string;
  readonly policy: string;
  readonly json?: boolean;
}

export async function measureSnpCommand(flags: SnpFlags, terminal: Terminal): Promise<number> {
  const boot = readBoot(flags);
  const { manifest, measurement } = await manifestOfSnp({
    vmm: oneOf('--vmm', flags.vmm, ['qemu', 'ec2', 'gce']),
    vcpus: wholeNumber('--vcpus', flags.vcpus),
    vcpuType: flags.vcpuType,
    vcpuSignature:
      flags.vcpuSignature === undefined ? undefined : wholeNumber('--vcpu-signature', flags.vcpuSignature),
    guestFeatures: bits64('--guest-features', flags.guestFeatures),
    firmware: { bytes: read(flags.firmware) },
    svsm: readSvsm(flags),
    boot: boot && {
      kernel: { bytes: boot.kernel },
      initrd: boot.initrd && { bytes: boot.initrd },
      cmdline: boot.cmdline,
    },
  });
  if (flags.json) {
    const pages = measurement.pages.map(({ kind, gpa, what, contents, digest }) => ({
      kind,
      gpa: hex(gpa),
      what,
      contents: toHex(contents),
      digest: toHex(digest),
    }));
    writeJson({ ...manifest, ...(flags.explain && { pages }) }, terminal);
  } else {
    if (flags.explain) writeTable(pageRows(measurement.pages), terminal);
    writeRegisters({ launchDigest: manifest.launchDigest }, terminal);
  }
  return EXIT.ok;
}

/** Neighbours of one kind are one row: a firmware has a thousand pages. */
function pageRows(pages: readonly MeasuredPage[]): readonly string[][] {
  const rows = [['type', 'first page', 'last page', 'pages', 'what', 'launch digest from then on']];
  for (let from = 0; from < pages.length;) {
    const { kind, gpa, what } = pages[from]!;
    let to = from + 1;
    while (to < pages.length && continues(pages[to - 1]!, pages[to]!)) to++;
    const last = pages[to - 1]!;
    rows.push([kind, hex(gpa), hex(last.gpa), `${to - from}`, what, toHex(last.digest)]);
    from = to;
  }
  return rows;
}

function continues(page: MeasuredPage, next: MeasuredPage): boolean {
  return next.kind === page.kind && next.what === page.what && next.gpa === page.gpa + 4096n;
}

export async function measureTdxCommand(flags: TdxFlags, terminal: Terminal): Promise<number> {
  const boot = readBoot(flags);
  const result = await manifestOfTdx({
    hardware: readHardware(flags),
    firmware: read(flags.firmware),
    ordering: oneOf('--ordering', flags.ordering, ['single-pass', 'two-pass']),
    boot: boot && { ...boot, memoryMib: wholeNumber('--memory-mib', flags.memoryMib) },
  });
  const { manifest, measurement } = result;
  const sections = measurement.sections.map(({ gpa, type, attributes, addedPages, extendedChunks }) => ({
    gpa: hex(gpa),
    type,
    attributes,
    addedPages,
    extendedChunks,
  }));
  const events = result.events.map(({ rtmr, what, digest, value }) => ({
    register: `rtmr${rtmr}`,
    what,
    digest: toHex(digest),
    value: toHex(value),
  }));
  const { mrtd, rtmr0, rtmr1, rtmr2 } = manifest;
  if (flags.json) {
    writeJson({ ...manifest, ...(flags.explain && { sections, events }) }, terminal);
    return EXIT.ok;
  }
  if (flags.explain) {
    const sectionRow = Object.values<string | number>;
    writeTable(
      [
        ['mrtd section at', 'type', 'attributes', 'pages', 'chunks'],
        ...sections.map((one) => sectionRow(one).map(String)),
      ],
      terminal,
    );
    if (events.length > 0)
      writeTable(
        [['register', 'event', 'digest', 'value from then on'], ...events.map(Object.values<string>)],
        terminal,
      );
  }
  writeRegisters(
    { mrtd, ...(rtmr0 && { rtmr0 }), ...(rtmr1 && { rtmr1 }), ...(rtmr2 && { rtmr2 }) },
    terminal,
  );
  return EXIT.ok;
}

/** Of two files that `vitrine measure … --json` wrote. @returns status 1 where they differ */
export function measureDiffCommand(
  fileA: string,
  fileB: string,
  { json }: { readonly json?: boolean },
  terminal: Terminal,
): number {
  const [a, b] = [parseMeasurementManifest(read(fileA)), parseMeasurementManifest(read(fileB))];
  const differences = diffMeasurements(a, b);
  if (json) writeJson({ differences }, terminal);
  else if (differences.length === 0) terminal.stdout.write('nothing differs\n');
  else for (const one of differences) terminal.stdout.write(`${plain(describe(one))}\n`);
  return differences.length === 0 ? EXIT.ok : EXIT.failed;
}

function describe(one: Difference): string {
  switch (one.kind) {
    case 'word-added':
      return `cmdline: word ${one.position} of the second added: ${one.word}`;
    case 'word-removed':
      return `cmdline: word ${one.position} of the first removed: ${one.word}`;
    case 'word-changed':
      return `cmdline: word ${one.position} changed: ${one.a} -> ${one.b}`;
    case 'spacing':
      return `cmdline: same words, other spaces: "${one.a}" -> "${one.b}"`;
    default:
      return `${one.name}: ${one.a} -> ${one.b}`;
  }
}

/** Base64, as QEMU's sev-snp-guest takes `id-block` and `id-auth`. */
export async function measureIdBlockCommand(flags: IdBlockFlags, terminal: Terminal): Promise<number> {
  const signed = await createIdBlock(
    {
      launchDigest: bytesOf('--measurement', flags.measurement, 48),
      familyId: bytesOf('--family-id', flags.familyId, 16),
      imageId: bytesOf('--image-id', flags.imageId, 16),
      guestSvn: wholeNumber('--guest-svn', flags.guestSvn),
      policy: bits64('--policy', flags.policy),
    },
    {
      idKey: await readKey('--id-key', flags.idKey),
      authorKey: flags.authorKey === undefined ? undefined : await readKey('--author-key', flags.authorKey),
    },
  );
  const { idKeyDigest, authorKeyDigest } = await verifyIdBlock(signed);
  const result = {
    idBlock: toBase64(signed.idBlock),
    idAuth: toBase64(signed.idAuth),
    idKeyDigest: toHex(idKeyDigest),
    ...(authorKeyDigest && { authorKeyDigest: toHex(authorKeyDigest) }),
  };
  if (flags.json) writeJson(result, terminal);
  else writeRegisters(result, terminal);
  return EXIT.ok;
}

const p384 = { name: 'ECDSA', namedCurve: 'P-384' } as const;

/** A private key in PEM, PKCS#8 or SEC 1, as `openssl ecparam -name secp384r1 -genkey` writes it. */
async function readKey(option: string, path: string): Promise<SigningKeys> {
  const pem = readFileSync(path);
  const wrong = (cause?: unknown): UsageError =>
    new UsageError(`${option} ${path}: expected a private key on P-384, in PEM.`, { cause });
  const key = (() => {
    try {
      return createPrivateKey(pem);
    } catch (cause) {
      throw wrong(cause);
    }
  })();
  if (key.asymmetricKeyDetails?.namedCurve !== 'secp384r1') throw wrong();
  const { subtle } = globalThis.crypto;
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    privateKey: await subtle.importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), p384, false, [
      'sign',
    ]),
    publicKey: await subtle.importKey('spki', spki, p384, true, ['verify']),
  };
}

function readBoot(flags: MeasureFlags) {
  if (flags.kernel === undefined) {
    if (flags.initrd !== undefined || flags.cmdline !== undefined || flags.cmdlineFile !== undefined)
      throw new UsageError('--initrd, --cmdline and --cmdline-file are measured only with a --kernel.');
    return undefined;
  }
  return {
    kernel: read(flags.kernel),
    initrd: flags.initrd === undefined ? undefined : read(flags.initrd),
    cmdline: readCmdline(flags),
  };
}

/** Of a file, the text without the newline that editors put at its end. */
function readCmdline({ cmdline, cmdlineFile }: MeasureFlags): string | undefined {
  if (cmdlineFile === undefined) return cmdline;
  if (cmdline !== undefined) throw new UsageError('--cmdline and --cmdline-file: give one of them.');
  return decodeUtf8(read(cmdlineFile), cmdlineFile).replace(/\r?\n$/, '');
}

/** All of it or nothing: RTMR0 of less would be another machine's. */
function readHardware({ kernel, acpiLoader, acpiRsdp, acpiTables, bootVariable, cfv }: TdxFlags) {
  const given = [acpiLoader, acpiRsdp, acpiTables, ...bootVariable, cfv];
  if (given.every((path) => path === undefined)) return undefined;
  if (!acpiLoader || !acpiRsdp || !acpiTables || bootVariable.length === 0 || kernel === undefined)
    throw new UsageError(
      'RTMR0 takes --kernel, --acpi-loader, --acpi-rsdp, --acpi-tables and each --boot-variable, BootOrder first; --cfv goes with them.',
    );
  return {
    acpiLoader: read(acpiLoader),
    acpiRsdp: read(acpiRsdp),
    acpiTables: read(acpiTables),
    bootVariables: bootVariable.map(read),
    cfv: cfv === undefined ? undefined : read(cfv),
  };
}

function readSvsm({ svsm, varsSize }: SnpFlags) {
  if ((svsm === undefined) !== (varsSize === undefined))
    throw new UsageError('--svsm and --vars-size go together: the SVSM lies below firmware and variables.');
  if (svsm === undefined || varsSize === undefined) return undefined;
  return { bytes: read(svsm), varsSizeBytes: wholeNumber('--vars-size', varsSize) };
}

function writeJson(value: object, { stdout }: Terminal): void {
  stdout.write(`${JSON.stringify(value)}\n`);
}

function writeRegisters(registers: Readonly<Record<string, string>>, { stdout }: Terminal): void {
  for (const [name, value] of Object.entries(registers)) stdout.write(`${name}: ${value}\n`);
}

function writeTable(rows: readonly (readonly string[])[], { stdout }: Terminal): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows)
    stdout.write(
      `${plain(
        row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd(),
      )}\n`,
    );
  stdout.write('\n');
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

function read(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}

function bytesOf(option: string, text: string, lengthBytes: number): Uint8Array {
  try {
    return fromHex(text, option, lengthBytes);
  } catch (cause) {
    throw new UsageError(`${option}: expected ${lengthBytes} bytes in hexadecimal.`, { cause });
  }
}

const NUMBER = /^(?:\d+|0x[0-9a-f]+)$/i;

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (NUMBER.test(text) && Number.isSafeInteger(value)) return value;
  throw new UsageError(`${option} ${text}: expected a whole number.`);
}

function bits64(option: string, text: string): bigint {
  if (NUMBER.test(text) && text.length <= 20 && BigInt(text) < 1n << 64n) return BigInt(text);
  throw new UsageError(`${option} ${text}: expected a number of 64 bits.`);
}

function oneOf<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`${option} ${text}: expected ${choices.join(', ')}.`);
}
