/** What TDs in the field measured, against what is computed here. */
import { concatBytes, parseJson, sha384, toHex, utf8 } from '@vitrine/bytes';
import { type TdxEvent, parseCcel, parseDstackEventLog, replayEvents } from '@vitrine/evidence/tdx';
import { bootServiceDigests, extendAll } from '@vitrine/measure/tdx';
import { type Suite, type SuiteContext, expectEqual, expectTrue } from '../../evidence/test/suite.ts';

type Fixture = SuiteContext['fixture'];
const ccel = async (fixture: Fixture, name: string): Promise<readonly TdxEvent[]> =>
  parseCcel(await fixture(`tdx/ccel/${name}/ccel_data.bin`)).events;
const dstack = async (fixture: Fixture): Promise<readonly TdxEvent[]> => {
  const report = parseJson(await fixture('tdx/ccel/dstack/quote-report.json'), 'report');
  return (await parseDstackEventLog(report.get('event_log').string())).events;
};

const rtmr = (events: readonly TdxEvent[], index: 1 | 2): readonly TdxEvent[] =>
  events.filter((event) => event.rtmr === index);

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
