/** A pinned measurement: a name, and the registers of one platform by the names of its vendor. */
import { VerifierError } from '../error.ts';
import type { PinnedMeasurement } from '../policy.ts';
import type { Form } from './form.ts';
import { keyed, section } from './section.ts';
import { hex, policyName } from './values.ts';

/** Registers as a result names them, and their keys in the file. */
export const registerKeys = {
  launchDigest: 'launch-digest',
  mrtd: 'mrtd',
  rtmr0: 'rtmr0',
  rtmr1: 'rtmr1',
  rtmr2: 'rtmr2',
  rtmr3: 'rtmr3',
} as const;

const measurementBytes = 48;

/** By the keys of the file. */
const keyedRegisters: Form<Readonly<Record<string, string>>> = keyed(
  'registers',
  Object.fromEntries(Object.values(registerKeys).map((key) => [key, hex(measurementBytes, key)])),
  { minimum: 1 },
) as Form<Readonly<Record<string, string>>>;

/** By the names of a result. */
const registers: Form<Readonly<Record<string, string>>> = {
  ...keyedRegisters,
  read: (node) => renamed(keyedRegisters.read(node), (name, key) => [key, name]),
  write: (value, style) => {
    requireKnown(Object.keys(value));
    return keyedRegisters.write(
      renamed(value, (name, key) => [name, key]),
      style,
    );
  },
};

/** A register that was left out would be a demand less. */
function requireKnown(names: readonly string[]): void {
  const unknown = names.find((name) => !Object.hasOwn(registerKeys, name));
  if (unknown !== undefined)
    throw new VerifierError(
      'ARGUMENT_INVALID',
      `Pinned measurement: expected registers ${Object.keys(registerKeys).join(', ')}, found ${JSON.stringify(unknown)}.`,
    );
}

function renamed(
  values: Readonly<Record<string, string>>,
  fromTo: (name: string, key: string) => readonly [from: string, to: string],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(registerKeys).flatMap(([name, key]) => {
      const [from, to] = fromTo(name, key);
      const value = values[from];
      return value === undefined ? [] : [[to, value]];
    }),
  );
}

export const pinnedMeasurement = section<PinnedMeasurement>('a name and its registers', {
  name: { key: 'name', form: policyName, comment: 'Stands in the result where this one was found.' },
  registers: {
    key: 'registers',
    form: registers,
    comment: 'SEV-SNP: launch-digest. TDX: mrtd, rtmr1 and rtmr2, and rtmr0 and rtmr3 where they matter.',
  },
});
