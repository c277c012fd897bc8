/** What TDs in the field measured, against what is computed here. */
import { concatBytes, parseJson, sha384, toHex, utf8 } from '@vitrine/bytes';
import { type TdxEvent, parseCcel, parseDstackEventLog, replayEvents } from '@vitrine/evidence/tdx';
import {
  type Rtmr0Inputs,
  bootServiceDigests,
  extendAll,
  measureRtmr0,
  tdHobDigest,
} from '@vitrine/measure/tdx';
import {
  type Suite,
  type SuiteContext,
  expectEqual,
  expectRefused,
  expectTrue,
} from '../../evidence/test/suite.ts';
import { page, tdxImage } from './images.ts';

type Fixture = SuiteContext['fixture'];
const ccel = async (fixture: Fixture, name: string): Promise<readonly TdxEvent[]> =>
  parseCcel(await fixture(`tdx/ccel/${name}/ccel_data.bin`)).events;
const dstack = async (fixture: Fixture): Promise<readonly TdxEvent[]> => {
  const report = parseJson(await fixture('tdx/ccel/dstack/quote-report.json'), 'report');
  return (await parseDstackEventLog(report.get('event_log').string())).events;
};

const rtmr = (events: readonly TdxEvent[], index: 1 | 2): readonly TdxEvent[] =>
  events.filter((event) => event.rtmr === index);

/** Where OVMF has its temporary memory and its TD HOB. */
function ovmfLayout(): Uint8Array {
  return tdxImage(3, [
    [0, 0, 0x810000, 0x10000, 0, 3],
    [0, 0, 0x80b000, 0x2000, 0, 3],
    [0, 0, 0x809000, 0x2000, 0, 2],
    [0, 0, 0x800000, 0x6000, 0, 3],
  ]);
}

export const eventLogs: Suite = {
  name: 'event logs of real TDs',
  cases: [
    {
      name: 'a direct boot extends RTMR1 with the kernel, then with the very events that are computed here',
      needsFixtures: true,
      run: async ({ fixture }) => {
        for (const events of [
          await ccel(fixture, 'attestation-rs-live'),
          await ccel(fixture, 'attestation-rs-tdreport'),
          await dstack(fixture),
        ]) {
          const [kernel, ...others] = rtmr(events, 1);
          const computed = await bootServiceDigests();
          expectEqual(
            others.map(({ digest }) => toHex(digest)),
            computed.map(([, digest]) => toHex(digest)),
          );
          const register = await extendAll(1, [['kernel', kernel!.digest], ...computed]);
          expectEqual(register.at(-1)!.value, (await replayEvents(events))[1]);
          // Then command line and initrd, in this order and nothing else.
          const names = rtmr(events, 2).map(({ data }) => new TextDecoder('latin1').decode(data.subarray(8)));
          expectEqual(names, ['LOADED_IMAGE::LoadOptions\0', 'Linux initrd\0']);
        }
      },
    },
    {
      name: 'an older OVMF leaves out the separator, and has the other events',
      needsFixtures: true,
      run: async ({ fixture }) => {
        const found = rtmr(await ccel(fixture, 'trustee-ovmf'), 1).slice(1);
        const computed = (await bootServiceDigests()).filter(([what]) => what !== 'separator');
        expectEqual(
          found.map(({ digest }) => toHex(digest)),
          computed.map(([, digest]) => toHex(digest)),
        );
      },
    },
    {
      name: 'RTMR0 of a real direct boot with 64 GiB follows from its memory size, ACPI digests and boot variables',
      needsFixtures: true,
      run: async ({ fixture }) => {
        const log = await dstack(fixture);
        const found = log.filter((event) => event.rtmr === 0);
        const acpi = found.filter(({ eventName }) => eventName === 'EV_PLATFORM_CONFIG_FLAGS');
        const boot = found.filter(({ eventName }) => eventName === 'EV_EFI_VARIABLE_BOOT');
        expectEqual([found.length, acpi.length, boot.length], [13, 3, 2]);
        const [loader, rsdp, tables] = acpi.map(({ digest }) => ({ sha384: digest }));
        const inputs: Rtmr0Inputs = {
          firmware: ovmfLayout(),
          memoryMib: 64 * 1024,
          cfv: { sha384: found[1]!.digest },
          acpi: [loader!, rsdp!, tables!],
          // GUID, both lengths, the name, then the data that is measured.
          bootVariables: boot.map(({ data }) => ({ bytes: data.subarray(32 + 2 * (data[16] ?? 0)) })),
        };
        const events = await measureRtmr0(inputs);
        expectEqual(
          events.map(({ digest }) => toHex(digest)),
          found.map(({ digest }) => toHex(digest)),
        );
        expectEqual(events.at(-1)!.value, (await replayEvents(log))[0]);
        const other = await measureRtmr0({ ...inputs, memoryMib: 32 * 1024 });
        expectTrue(toHex(other[0]!.digest) !== toHex(found[0]!.digest), 'memory counts');
      },
    },
    {
      name: 'RTMR0 of memory out of range, of firmware without a TD HOB, and of broken digests is refused',
      run: async () => {
        for (const memoryMib of [0, 63, 64.5, NaN, 64 * 1024 * 1024 + 1])
          await expectRefused(() => tdHobDigest(ovmfLayout(), memoryMib), 'INPUT_INVALID', `${memoryMib}`);
        const without = tdxImage(3, [[0, 0, 0x800000, page, 0, 3]]);
        const overlapping = tdxImage(3, [
          [0, 0, 0x800000, 2 * page, 0, 2],
          [0, 0, 0x801000, page, 0, 3],
        ]);
        const outside = tdxImage(3, [[0, 0, 0x80000000, page, 0, 2]]);
        for (const firmware of [without, overlapping, outside])
          await expectRefused(() => tdHobDigest(firmware, 4096), 'FIRMWARE_MALFORMED');
        const blob = { bytes: new Uint8Array(1) };
        const good = {
          firmware: ovmfLayout(),
          memoryMib: 4096,
          acpi: [blob, blob, blob],
          bootVariables: [],
        } as const;
        // This firmware has no configuration volume, so one must be given.
        await expectRefused(() => measureRtmr0(good), 'FIRMWARE_MALFORMED');
        expectEqual((await measureRtmr0({ ...good, cfv: blob })).length, 11);
        await expectRefused(
          () => measureRtmr0({ ...good, cfv: { sha384: new Uint8Array(47) } }),
          'INPUT_INVALID',
        );
      },
    },
    {
      name: 'events whose text the log carries have the SHA-384 of that text, in every log',
      needsFixtures: true,
      run: async ({ fixture }) => {
        const seen = new Set<string>();
        const names = ['attestation-rs-live', 'attestation-rs-tdreport', 'gcp-cos113', 'trustee-gcp'];
        names.push('trustee-grub', 'trustee-grub-gke', 'trustee-ovmf');
        for (const name of names)
          for (const { eventName, data, digest } of await ccel(fixture, name)) {
            if (eventName !== 'EV_EFI_ACTION') continue;
            expectEqual(digest, await sha384(data), name);
            seen.add(new TextDecoder().decode(data));
          }
        for (const [what] of await bootServiceDigests())
          if (what !== 'separator') expectTrue(seen.has(what), `"${what}" in a log`);
      },
    },
    {
      name: "GRUB's command lines are hashed as bytes, not as a kernel's load options",
      needsFixtures: true,
      run: async ({ fixture }) => {
        let count = 0;
        for (const { eventName, data, digest } of await ccel(fixture, 'gcp-cos113')) {
          const prefix = utf8('kernel_cmdline: ');
          const begins = toHex(data.subarray(0, prefix.length)) === toHex(prefix);
          if (eventName !== 'EV_IPL' || !begins) continue;
          count++;
          const text = concatBytes(data.subarray(prefix.length, -1));
          expectEqual(digest, await sha384(text));
        }
        expectEqual(count, 1, 'command lines');
      },
    },
  ],
};
