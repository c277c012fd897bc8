/** A pinned measurement: a name, and the registers of one platform by the names of its vendor. */
import type { PinnedMeasurement } from '../policy.ts';
import type { Form, JsonSchema } from './form.ts';
import { section } from './section.ts';
import { hex, policyName } from './values.ts';
import { keyed } from './section.ts';

const measurementBytes = 48;

/** Registers as a result names them, and their keys in the file. */
export const registerKeys = {
  launchDigest: 'launch-digest',
  mrtd: 'mrtd',
  rtmr0: 'rtmr0',
  rtmr1: 'rtmr1',
  rtmr2: 'rtmr2',
  rtmr3: 'rtmr3',
} as const;

const keyedRegisters = keyed(
  'registers',
  {
    'launch-digest': hex(measurementBytes, 'launch digest'),
    mrtd: hex(measurementBytes, 'MRTD'),
    rtmr0: hex(measurementBytes, 'RTMR0'),
    rtmr1: hex(measurementBytes, 'RTMR1'),
    rtmr2: hex(measurementBytes, 'RTMR2'),
    rtmr3: hex(measurementBytes, 'RTMR3'),
  },
  { minimum: 1 },
);

const registers: Form<Readonly<Record<string, string>>> = {
  expected: keyedRegisters.expected,
  schema: keyedRegisters.schema satisfies JsonSchema,
  read: (node) => {
    const found = keyedRegisters.read(node);
    return Object.fromEntries(
      Object.entries(registerKeys).flatMap(([name, key]) => {
        const value = found[key];
        return value === undefined ? [] : [[name, value]];
      }),
    );
  },
  write: (value, style) =>
    keyedRegisters.write(
      Object.fromEntries(
        Object.entries(registerKeys).flatMap(([name, key]) => {
          const one = value[name];
          return one === undefined ? [] : [[key, one]];
        }),
      ),
      style,
    ),
};

export const pinnedMeasurement = section<PinnedMeasurement>('a name and its registers', {
  name: { key: 'name', form: policyName, comment: 'Stands in the result where this one was found.' },
  registers: {
    key: 'registers',
    form: registers,
    comment: 'SEV-SNP: launch-digest. TDX: mrtd, rtmr1 and rtmr2, and rtmr0 and rtmr3 where they matter.',
  },
});
