/**
 * Why RTMR1 or RTMR2 is not the signed one. What the service says of itself (its event log) is believed as far as it
 * replays to the register of the quote: then its digests are those that the processor was given.
 */
import { sha384, toHex } from '@vitrine/bytes';
import {
  EvidenceError,
  type TdxEvent,
  parseCcel,
  parseDstackEventLog,
  replayEvents,
} from '@vitrine/evidence';
import { MeasureError } from '@vitrine/measure';
import { type RtmrEvent, cmdlineDigest, extendAll, measureBoot } from '@vitrine/measure/tdx';
import type { Context } from '../context.ts';
import type { Deployment } from '../dialects/deployment.ts';
import type { AuthenticCpu } from '../runtime/runtime.ts';
import { lineGuesses } from './guesses.ts';
import { bootPart } from './recompute.ts';

type Logged = Readonly<Partial<Record<1 | 2, readonly string[]>>>;

/** One sentence for a person. */
export async function explainTdx(
  context: Context,
  cpu: AuthenticCpu,
  deployment: Deployment,
  recomputed: Readonly<Record<string, string>>,
): Promise<string> {
  const { tdxMeasurement } = deployment;
  for (const name of ['rtmr1', 'rtmr2'] as const) {
    const own = recomputed[name];
    if (own === undefined || own === tdxMeasurement?.[name]) continue;
    return own === cpu.registers[name]
      ? `the signed ${name} itself is wrong: the parts that were signed give the value that was measured`
      : `the signed ${name} does not follow from the parts that were signed beside it`;
  }
  const isKernel = cpu.registers['rtmr1'] === tdxMeasurement?.rtmr1;
  const isRest = cpu.registers['rtmr2'] === tdxMeasurement?.rtmr2;
  const logged = await loggedDigests(context, cpu);
  const initrd = await bootPart(context, deployment.hashes.initrd);
  const sentences = [
    ...(isKernel ? [] : [await explainKernel(context, deployment, logged[1])]),
    ...(isRest ? [] : [await explainRest(context, cpu, deployment, logged[2], initrd)]),
  ];
  if (sentences.length === 2) return sentences.join('; ');
  const other = isKernel ? 'the kernel is the signed one' : 'command line and initrd are the signed ones';
  return `${other}; ${sentences[0] ?? 'nothing differs'}`;
}

/** Digests by register, in the order of the log, where it replays to the register of the quote. */
async function loggedDigests({ presented: { cpu } }: Context, { registers }: AuthenticCpu): Promise<Logged> {
  if (cpu.platform !== 'tdx' || !cpu.eventLog) return {};
  let events: readonly TdxEvent[];
  try {
    const isJson = cpu.eventLog[0] === 0x5b || cpu.eventLog[0] === 0x7b;
    ({ events } = isJson ? await parseDstackEventLog(cpu.eventLog) : parseCcel(cpu.eventLog));
  } catch (error) {
    if (error instanceof EvidenceError) return {};
    throw error;
  }
  const replayed = await replayEvents(events);
  const of = (rtmr: 1 | 2): Logged =>
    toHex(replayed[rtmr]) === registers[`rtmr${rtmr}`]
      ? { [rtmr]: events.filter((event) => event.rtmr === rtmr).map(({ digest }) => toHex(digest)) }
      : {};
  return { ...of(1), ...of(2) };
}

async function explainKernel(
  context: Context,
  { hashes, cmdline, vmShape }: Deployment,
  logged: readonly string[] | undefined,
): Promise<string> {
  const plain = 'the kernel, or the memory that it was started with, is not';
  const kernel = await bootPart(context, hashes.kernel);
  const initrd = await bootPart(context, hashes.initrd);
  if (!logged || !kernel || !initrd || !vmShape) return plain;
  try {
    const events = await measureBoot({ kernel, initrd, cmdline, memoryMib: vmShape.memoryMib });
    return firstDifference(
      events.filter(({ rtmr }) => rtmr === 1),
      logged,
    );
  } catch (error) {
    if (error instanceof MeasureError) return plain;
    throw error;
  }
}

/** By the event log, the first extension that is another than the parts give. */
function firstDifference(expected: readonly RtmrEvent[], found: readonly string[]): string {
  const at = expected.findIndex(({ digest }, index) => toHex(digest) !== found[index]);
  const event = expected[at];
  if (!event)
    return `RTMR${expected[0]?.rtmr} was extended ${found.length} times, the signed deployment extends it ${expected.length} times`;
  return `event ${at + 1} of RTMR${event.rtmr}, ${event.what}, is not: expected ${toHex(event.digest)}, found ${found[at] ?? 'no event'}`;
}

async function explainRest(
  context: Context,
  cpu: AuthenticCpu,
  { cmdline }: Deployment,
  logged: readonly string[] | undefined,
  initrd: Uint8Array | undefined,
): Promise<string> {
  const initrdDigest = initrd && (await sha384(initrd));
  if (logged?.[0] === toHex(await cmdlineDigest(cmdline, true))) return explainInitrd(logged, initrdDigest);
  for (const { cmdline: guess, sentence } of lineGuesses(cmdline, context.presented.launch.cmdline)) {
    const digest = await cmdlineDigest(guess, true);
    const isLine = logged?.[0] === toHex(digest);
    if (initrdDigest && (await registerOf(digest, initrdDigest)) === cpu.registers['rtmr2']) return sentence;
    if (isLine)
      return initrdDigest && logged[1] !== toHex(initrdDigest)
        ? `${sentence}, and with another initrd`
        : sentence;
  }
  if (logged && initrdDigest && logged.length === 2 && logged[1] === toHex(initrdDigest))
    return 'its command line is not, and no known change explains it; its initrd is the signed one';
  return 'its command line or its initrd is not';
}

function explainInitrd(logged: readonly string[], initrd: Uint8Array | undefined): string {
  if (initrd && logged[1] === toHex(initrd))
    return `RTMR2 was extended ${logged.length} times, after the signed command line and initrd by something else`;
  const found = logged[1] === undefined ? 'no initrd was loaded' : `found ${logged[1]}`;
  return `its command line is too; its initrd is not: ${initrd ? `expected ${toHex(initrd)}, ` : ''}${found}`;
}

async function registerOf(line: Uint8Array, initrd: Uint8Array): Promise<string> {
  const events = await extendAll(2, [
    ['command line', line],
    ['initrd', initrd],
  ]);
  return toHex(events.at(-1)!.value);
}
