/** Kernels: how QEMU patches their setup header, protocol by protocol, and their Authenticode hash. */
import { concatBytes, sha384, toHex } from '@vitrine/bytes';
import { authenticodeSha384, patchKernel } from '@vitrine/measure/tdx';
import { fuzz, withBitFlipped } from '../../evidence/test/mutation.ts';
import { type Suite, expectEqual, expectRefused, expectTrue } from '../../evidence/test/suite.ts';
import { type KernelForm, kernelImage } from './images.ts';

const GIB = 2 ** 30;
const load = { memoryBytes: 4 * GIB, initrdBytes: 0x1001 };

/** Words of the patched header that differ from the kernel's own, by offset. */
function patches(form: KernelForm, inputs = load): Record<string, number> {
  const kernel = kernelImage(form);
  const patched = patchKernel(kernel, inputs);
  const view = new DataView(patched.buffer);
  const original = new DataView(kernel.buffer);
  const found: Record<string, number> = {};
  for (const at of [0x210, 0x211])
    if (view.getUint8(at) !== original.getUint8(at)) found[at.toString(16)] = view.getUint8(at);
  for (const at of [0x218, 0x21c, 0x224, 0x228])
    if (view.getUint32(at, true) !== original.getUint32(at, true))
      found[at.toString(16)] = view.getUint32(at, true);
  // And nothing else.
  const allowed = new Set([0x210, 0x211]);
  for (const at of [0x218, 0x21c, 0x224, 0x228])
    for (let index = 0; index < 4; index++) allowed.add(at + index);
  expectTrue(
    patched.every((byte, at) => allowed.has(at) || byte === kernel[at]),
    'only these fields are patched',
  );
  return found;
}

const initrdAddress = (form: KernelForm, memoryBytes: number, initrdBytes = 0x1001): number | undefined =>
  patches(form, { memoryBytes, initrdBytes })['218'];

export const kernels: Suite = {
  name: 'kernels of a TD',
  cases: [
    {
      name: 'each version of the boot protocol has its own fields patched, and no other byte changes',
      run: () => {
        const none = { memoryBytes: 4 * GIB, initrdBytes: 0 };
        expectEqual(patches({ protocol: 0x200 }, none), { '210': 0xb0 });
        expectEqual(patches({ protocol: 0x201 }, none), { '210': 0xb0, '211': 0x81, '224': 0xfe00 });
        const full = { '210': 0xb0, '211': 0x81, '224': 0xfe00, '228': 0x20000 };
        for (const protocol of [0x202, 0x203, 0x20b, 0x20c, 0x20f])
          expectEqual(patches({ protocol }, none), full, `protocol 0x${protocol.toString(16)}`);
      },
    },
    {
      name: 'a kernel that loads low has its command line elsewhere',
      run: () => {
        const none = { memoryBytes: 4 * GIB, initrdBytes: 0 };
        expectEqual(patches({ loadflags: 0 }, none), {
          '210': 0xb0,
          '211': 0x80,
          '224': 0x9e00,
          '228': 0x9a000,
        });
      },
    },
    {
      name: 'the initrd lies as high as kernel and memory allow, on a page',
      run: () => {
        // Above 4 GiB is allowed from protocol 2.12 on only; else the kernel's limit, or before 2.03 a fixed one.
        expectEqual(initrdAddress({ protocol: 0x20c, xloadflags: 0x40 }, 4 * GIB), 0x7ffd6000);
        expectEqual(
          initrdAddress({ protocol: 0x20b, xloadflags: 0x40, initrdMax: 0x1fffffff }, 4 * GIB),
          0x1fffe000,
        );
        expectEqual(
          initrdAddress({ protocol: 0x20c, xloadflags: 0, initrdMax: 0x1fffffff }, 4 * GIB),
          0x1fffe000,
        );
        expectEqual(initrdAddress({ protocol: 0x203, initrdMax: 0x1fffffff }, 4 * GIB), 0x1fffe000);
        expectEqual(initrdAddress({ protocol: 0x202, initrdMax: 0x1fffffff }, 4 * GIB), 0x37ffe000);
        const high = { xloadflags: 0x40 };
        expectEqual(initrdAddress(high, 0x40000000), 0x3ffd6000, '1 GiB');
        expectEqual(initrdAddress(high, 0xafffffff + 1 - 2 ** 20), 0xafed6000, 'just below 2.75 GiB');
        for (const memoryBytes of [0xb0000000, 4 * GIB, 1024 * GIB])
          expectEqual(initrdAddress(high, memoryBytes), 0x7ffd6000, 'from 2.75 GiB on the same');
      },
    },
    {
      name: 'an initrd that does not fit into the memory is refused',
      run: async () => {
        await expectRefused(
          () => patchKernel(kernelImage(), { memoryBytes: 0x100000, initrdBytes: 0x100000 }),
          'INPUT_INVALID',
        );
        await expectRefused(
          () => patchKernel(kernelImage({ initrdMax: 0x1000 }), { ...load, initrdBytes: 0x1000 }),
          'INPUT_INVALID',
        );
      },
    },
    {
      name: 'a file that is too short, or without "HdrS", is no kernel',
      run: async () => {
        const kernel = kernelImage();
        for (const size of [0, 0x202, 0x267])
          await expectRefused(() => patchKernel(kernel.subarray(0, size), load), 'KERNEL_MALFORMED');
        for (let bit = 0x202 * 8; bit < 0x206 * 8; bit++)
          await expectRefused(() => patchKernel(withBitFlipped(kernel, bit), load), 'KERNEL_MALFORMED');
      },
    },
    {
      name: 'Authenticode leaves out the checksum, the entry for certificates, and the certificates',
      run: async () => {
        for (const { certificateBytes, trailingBytes } of [
          { certificateBytes: 0, trailingBytes: 0 },
          { certificateBytes: 0, trailingBytes: 24 },
          { certificateBytes: 16, trailingBytes: 40 },
          { certificateBytes: 0, trailingBytes: 5 },
        ]) {
          const file = kernelImage({ certificateBytes, trailingBytes });
          const [checksum, security] = [0x58 + 64, 0x58 + 112 + 32];
          const expected = await sha384(
            concatBytes(
              file.subarray(0, checksum),
              file.subarray(checksum + 4, security),
              file.subarray(security + 8, file.length - certificateBytes),
              new Uint8Array((8 - (file.length % 8)) % 8),
            ),
          );
          expectEqual(await authenticodeSha384(file), expected);
        }
      },
    },
    {
      name: 'every bit that Authenticode covers changes the hash or is refused, no other bit does',
      run: async () => {
        const file = kernelImage();
        const digest = toHex(await authenticodeSha384(file));
        const [checksum, security] = [0x58 + 64, 0x58 + 112 + 32];
        for (let bit = 0; bit < file.length * 8; bit++) {
          const at = bit >> 3;
          const isFree = (at >= checksum && at < checksum + 4) || (at >= security && at < security + 4);
          const found = await authenticodeSha384(withBitFlipped(file, bit)).then(toHex, () => 'refused');
          expectTrue((found === digest) === isFree, `bit ${bit}`);
        }
      },
    },
    {
      name: 'hostile kernels get an answer or a typed error',
      run: () =>
        fuzz([kernelImage(), kernelImage({ trailingBytes: 16, certificateBytes: 8 })], 100_000, (bytes) =>
          authenticodeSha384(patchKernel(bytes, load)),
        ),
    },
  ],
};
