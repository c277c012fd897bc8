/** `measure-tdx` against a second implementation of MRTD and of the registers' extension, and what it refuses. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { kernelImage } from '../../measure/test/images.ts';
import { type Outcome, run } from '../src/run.ts';

const PAGE = 4096;
const CHUNK = 256;

/** A row of the TDVF descriptor; attribute 1 measured (MR.EXTEND), 2 added after launch (PAGE.AUG). */
interface Section {
  readonly dataOffset: number;
  readonly rawSize: number;
  readonly gpa: number;
  readonly memorySize: number;
  readonly type: number;
  readonly attributes: number;
}

/** Measured code whose last page is half of zeros, memory that is added only, memory of later, and a measured page. */
const sections: readonly Section[] = [
  { dataOffset: 0, rawSize: 2 * PAGE + 2048, gpa: 0xffffc000, memorySize: 3 * PAGE, type: 0, attributes: 1 },
  { dataOffset: 0, rawSize: 0, gpa: 0x810000, memorySize: 2 * PAGE, type: 3, attributes: 0 },
  { dataOffset: 0, rawSize: 0, gpa: 0x1000000, memorySize: 64 * PAGE, type: 4, attributes: 2 },
  { dataOffset: PAGE, rawSize: PAGE, gpa: 0xffff0000, memorySize: PAGE, type: 1, attributes: 1 },
];

/** The descriptor a page before the end; the GUIDed table that points to it 32 bytes before the end. */
function firmwareOf(rows: readonly Section[], pages = 4): Buffer {
  const image = Buffer.alloc(pages * PAGE);
  for (let at = 0; at < image.length; at++) image[at] = (at * 31 + (at >> 9)) & 0xff;
  const descriptor = Buffer.alloc(16 + 32 * rows.length);
  descriptor.write('TDVF', 0, 'latin1');
  for (const [at, word] of [descriptor.length, 1, rows.length].entries())
    descriptor.writeUInt32LE(word, 4 + 4 * at);
  for (const [index, row] of rows.entries()) {
    const at = 16 + 32 * index;
    descriptor.writeUInt32LE(row.dataOffset, at);
    descriptor.writeUInt32LE(row.rawSize, at + 4);
    descriptor.writeBigUInt64LE(BigInt(row.gpa), at + 8);
    descriptor.writeBigUInt64LE(BigInt(row.memorySize), at + 16);
    descriptor.writeUInt32LE(row.type, at + 24);
    descriptor.writeUInt32LE(row.attributes, at + 28);
  }
  descriptor.copy(image, image.length - PAGE);
  // e47a6535-984a-4798-865e-4685a7bf8ec2 and 96b582de-1fb2-45f7-baea-a366c55a082d, in the order of UEFI.
  const metadata = Buffer.from('35657ae44a989847865e4685a7bf8ec2', 'hex');
  const footer = Buffer.from('de82b596b21ff745baeaa366c55a082d', 'hex');
  const entry = Buffer.alloc(6);
  entry.writeUInt32LE(PAGE, 0);
  entry.writeUInt16LE(22, 4);
  const lengthBytes = Buffer.alloc(2);
  lengthBytes.writeUInt16LE(22 + 18, 0);
  const table = Buffer.concat([entry, metadata, lengthBytes, footer]);
  table.copy(image, image.length - 32 - table.length);
  return image;
}

/** TDH.MEM.PAGE.ADD hashes its name and the address in 128 bytes; TDH.MR.EXTEND the same, then 256 bytes of memory. */
function mrtdOf(firmware: Buffer, rows: readonly Section[], isTwoPass: boolean): string {
  const hash = createHash('sha384');
  const record = (name: string, gpa: number): void => {
    const bytes = Buffer.alloc(128);
    bytes.write(name, 0, 'latin1');
    bytes.writeBigUInt64LE(BigInt(gpa), 16);
    hash.update(bytes);
  };
  for (const row of rows) {
    if ((row.attributes & 2) !== 0) continue;
    const memory = Buffer.alloc(row.memorySize);
    firmware.copy(memory, 0, row.dataOffset, row.dataOffset + row.rawSize);
    const extend = (from: number): void => {
      if ((row.attributes & 1) === 0) return;
      for (let at = from; at < from + PAGE; at += CHUNK) {
        record('MR.EXTEND', row.gpa + at);
        hash.update(memory.subarray(at, at + CHUNK));
      }
    };
    for (let at = 0; at < row.memorySize; at += PAGE) {
      record('MEM.PAGE.ADD', row.gpa + at);
      if (!isTwoPass) extend(at);
    }
    if (isTwoPass) for (let at = 0; at < row.memorySize; at += PAGE) extend(at);
  }
  return hash.digest('hex');
}

/** Each digest on top of the ones before, from 48 zero bytes. */
function registerOf(...events: readonly Buffer[]): string {
  const digest = (bytes: Buffer): Buffer => createHash('sha384').update(bytes).digest();
  return events
    .reduce((value, event) => digest(Buffer.concat([value, digest(event)])), Buffer.alloc(48))
    .toString('hex');
}

function stage(input: object): Promise<Outcome> {
  const json = Buffer.from(JSON.stringify({ schema_version: '1', ...input }));
  return run(['measure-tdx'], () => new Uint8Array(json), { now: new Date(0) });
}

function outputsOf({ output, message }: Outcome): Readonly<Record<string, string>> {
  assert.ok(output, message);
  return (output as { outputs: Readonly<Record<string, string>> }).outputs;
}

function codeOf({ output }: Outcome): string {
  return (output as { rejection: { code: string } }).rejection.code;
}

const firmware = firmwareOf(sections);
const input = { firmware_b64: firmware.toString('base64'), ordering: 'two-pass' };
const kernel = Buffer.from(kernelImage());
const initrd = Buffer.from('an initrd');
const booted = { ...input, kernel_b64: kernel.toString('base64'), initrd_b64: initrd.toString('base64') };

test('in both orders MRTD is what a second implementation computes, and the orders differ', async () => {
  const [single, two] = await Promise.all(
    ['single-pass', 'two-pass'].map(async (ordering) => outputsOf(await stage({ ...input, ordering }))),
  );
  assert.deepEqual(single, { mrtd_hex: mrtdOf(firmware, sections, false) });
  assert.deepEqual(two, { mrtd_hex: mrtdOf(firmware, sections, true) });
  assert.notEqual(single['mrtd_hex'], two['mrtd_hex']);
});

test('a section is read in the order of the descriptor, and what is added later has no part in MRTD', async () => {
  const others = [
    [...sections].reverse(),
    sections.filter(({ attributes }) => attributes !== 2),
    sections.slice(1),
  ];
  const digests = await Promise.all(
    others.map(async (rows) => {
      const image = firmwareOf(rows);
      const { mrtd_hex: found } = outputsOf(
        await stage({ ...input, firmware_b64: image.toString('base64') }),
      );
      assert.equal(found, mrtdOf(image, rows, true));
      return found;
    }),
  );
  assert.equal(new Set(digests).size, others.length);
  // The row of later memory lies in the descriptor, which is in no measured section here.
  assert.equal(digests[1], mrtdOf(firmware, sections, true));
});

test('each byte of measured contents, each address and each attribute changes MRTD', async () => {
  const honest = outputsOf(await stage(input))['mrtd_hex'];
  const changed = (change: (image: Buffer) => void): Buffer => {
    const image = Buffer.from(firmware);
    change(image);
    return image;
  };
  const descriptorAt = firmware.length - PAGE + 16;
  const images = [
    changed((image) => (image[0]! ^= 1)),
    changed((image) => (image[2 * PAGE + 2047]! ^= 0x80)),
    changed((image) => image.writeUInt32LE(0xffffb000, descriptorAt + 8)),
    changed((image) => image.writeUInt32LE(0x811000, descriptorAt + 32 + 8)),
    changed((image) => image.writeUInt32LE(1, descriptorAt + 32 + 28)),
    changed((image) => image.writeUInt32LE(0, descriptorAt + 96 + 28)),
  ];
  const digests = await Promise.all(
    images.map(
      async (image) =>
        outputsOf(await stage({ ...input, firmware_b64: image.toString('base64') }))['mrtd_hex'],
    ),
  );
  assert.equal(new Set([honest, ...digests]).size, images.length + 1);
});

test('with a kernel there are RTMR1 and RTMR2; RTMR2 is command line, then initrd', async () => {
  const cmdline = 'console=hvc0 ro';
  const outputs = outputsOf(await stage({ ...booted, cmdline }));
  const options = Buffer.from(`${cmdline} initrd=initrd\0`, 'utf16le');
  assert.deepEqual(Object.keys(outputs), ['mrtd_hex', 'rtmr1_hex', 'rtmr2_hex']);
  assert.equal(outputs['mrtd_hex'], mrtdOf(firmware, sections, true));
  assert.equal(outputs['rtmr2_hex'], registerOf(options, initrd));
  const { kernel_b64: alone } = booted;
  const withoutInitrd = outputsOf(await stage({ ...input, kernel_b64: alone, cmdline }));
  assert.equal(withoutInitrd['rtmr2_hex'], registerOf(Buffer.from(`${cmdline}\0`, 'utf16le')));
});

test('memory changes RTMR1 below 2816 MiB only; the kernel always', async () => {
  const rtmr1 = async (change: object) => outputsOf(await stage({ ...booted, ...change }))['rtmr1_hex'];
  const other = Buffer.from(kernel);
  other[0x700]! ^= 1;
  assert.equal(await rtmr1({ memory_mib: 2816 }), await rtmr1({}));
  assert.equal(await rtmr1({ memory_mib: 65_536 }), await rtmr1({}));
  assert.notEqual(await rtmr1({ memory_mib: 512 }), await rtmr1({}));
  assert.notEqual(await rtmr1({ kernel_b64: other.toString('base64') }), await rtmr1({}));
});

test('what does not go together or is out of range is refused as INPUT_INVALID', async () => {
  const refused: readonly object[] = [
    { ...input, initrd_b64: '' },
    { ...input, cmdline: 'ro' },
    { ...booted, cmdline: 'a\0b' },
    { ...booted, memory_mib: 0 },
    { ...booted, memory_mib: 1.5 },
    { ...booted, memory_mib: -1 },
    { ...booted, memory_mib: 2 ** 40 },
  ];
  for (const one of refused) {
    const outcome = await stage(one);
    assert.deepEqual(
      [outcome.exitStatus, codeOf(outcome)],
      [10, 'INPUT_INVALID'],
      JSON.stringify(one).slice(-80),
    );
  }
});

test('firmware whose tables are none, or contradict themselves, is refused as FIRMWARE_MALFORMED', async () => {
  const row = sections[0]!;
  const images: readonly (readonly [string, Buffer])[] = [
    ['nothing', Buffer.alloc(0)],
    ['no table', Buffer.alloc(4 * PAGE)],
    ['no whole pages', firmware.subarray(1)],
    ['no section', firmwareOf([])],
    ['data behind the end', firmwareOf([{ ...row, dataOffset: 2 * PAGE }])],
    ['more data than memory', firmwareOf([{ ...row, memorySize: 2 * PAGE }])],
    ['no whole pages of memory', firmwareOf([{ ...row, memorySize: 3 * PAGE - 1 }])],
    ['an address within a page', firmwareOf([{ ...row, gpa: row.gpa + 1 }])],
    ['memory over 4 GiB', firmwareOf([{ ...row, gpa: 0xfffff000 }])],
    ['measured, and added later', firmwareOf([{ ...row, attributes: 3 }])],
    ['over 64 MiB', firmwareOf([{ ...row, gpa: 0, memorySize: 65 * 2 ** 20 }])],
  ];
  for (const [what, image] of images) {
    const outcome = await stage({ ...input, firmware_b64: image.toString('base64') });
    assert.deepEqual([outcome.exitStatus, codeOf(outcome)], [10, 'FIRMWARE_MALFORMED'], what);
  }
});

test('a kernel that is none is refused as KERNEL_MALFORMED', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(4096), kernel.subarray(0, 0x400)]) {
    const outcome = await stage({ ...input, kernel_b64: bytes.toString('base64') });
    assert.deepEqual(
      [outcome.exitStatus, codeOf(outcome)],
      [10, 'KERNEL_MALFORMED'],
      `${bytes.length} bytes`,
    );
  }
});

test('members of other types and names, and those that are missing, are malformed input', async () => {
  for (const change of [
    { ordering: 'both' },
    { ordering: undefined },
    { firmware_b64: undefined },
    { firmware_b64: 'a' },
    { firmware_b64: 1 },
    { kernel_b64: null },
    { memory_mib: '4096' },
    { cmdline: 1 },
    { cmdline: '\ud800' },
    { firmware: '' },
    { schema_version: '2' },
  ])
    assert.equal((await stage({ ...input, ...change })).exitStatus, 30, JSON.stringify(change));
});
