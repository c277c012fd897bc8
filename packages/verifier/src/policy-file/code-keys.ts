/** The keys of a policy file about the code: who built it, what was measured. */
import type { CodePolicy, MeasurementPolicy } from '../policy.ts';
import { builder } from './builder-keys.ts';
import { defaultPolicy } from './default.ts';
import { flag, integer, list, orWord } from './form.ts';
import { pinnedMeasurement } from './pinned.ts';
import { section } from './section.ts';
import { any, hex, platformId, predicateType } from './values.ts';

const defaults = defaultPolicy();
const byItself = String;
const measurementBytes = 48;

export const code = section<CodePolicy>('rules for who built the code', {
  builders: {
    key: 'builders',
    form: list(builder, { maximum: 100, identity: (one) => JSON.stringify(one).toLowerCase() }),
    comment: 'Who may build. Empty: nobody is named, and who built the code is not checked.',
    absent: { value: defaults.code.builders },
  },
  threshold: {
    key: 'threshold',
    form: integer(1, 100),
    comment: 'So many different builders must have signed the same code.',
    absent: { value: defaults.code.threshold },
  },
  predicateTypes: {
    key: 'predicate-types',
    form: list(predicateType, { minimum: 1, maximum: 20, identity: byItself }),
    comment: 'Kinds of signed statement that count.',
    absent: { value: defaults.code.predicateTypes },
  },
  allowRollback: {
    key: 'allow-rollback',
    form: flag,
    comment: 'A release older than the newest that was seen here is accepted.',
    absent: { value: defaults.code.allowRollback },
  },
  maximumAgeDays: {
    key: 'maximum-age-days',
    form: any(integer(1, 36500)),
    comment: 'A release that was signed longer ago is refused.',
    absent: { value: defaults.code.maximumAgeDays },
  },
});

type KnownPlatform = NonNullable<MeasurementPolicy['hardware']>[number];

const knownPlatform = section<KnownPlatform>('a platform: id, mrtd and rtmr0', {
  id: { key: 'id', form: platformId, comment: 'A name for people.' },
  mrtd: { key: 'mrtd', form: hex(measurementBytes, 'MRTD'), comment: 'Of the firmware.' },
  rtmr0: {
    key: 'rtmr0',
    form: hex(measurementBytes, 'RTMR0'),
    comment: 'Of the virtual machine: memory, CPUs, ACPI.',
  },
});

export const measurements = section<MeasurementPolicy>('rules for what was measured', {
  pinned: {
    key: 'pinned',
    form: list(pinnedMeasurement, { maximum: 1000, identity: ({ name }) => name }),
    comment: 'Where there are any, the measurement must be one of these, and not what a release says it is.',
    absent: { value: defaults.measurements.pinned },
  },
  modelRoots: {
    key: 'model-roots',
    form: orWord('configured', list(hex(32, 'root hash'), { maximum: 1000, identity: byItself })),
    comment: 'Root hashes of model packs. configured: those that the measured configuration names. []: none.',
    absent: { value: defaults.measurements.modelRoots },
  },
  requireRecomputation: {
    key: 'require-recomputation',
    form: flag,
    comment: 'The measurement must have been computed here from firmware, kernel, initrd and command line.',
    absent: { value: defaults.measurements.requireRecomputation },
  },
  requirePinnedImages: {
    key: 'require-pinned-images',
    form: flag,
    comment: 'Container images must be named by digest.',
    absent: { value: defaults.measurements.requirePinnedImages },
  },
  hardware: {
    key: 'hardware',
    form: orWord(
      'signed',
      list(knownPlatform, { minimum: 1, maximum: 1000, identity: ({ mrtd, rtmr0 }) => mrtd + rtmr0 }),
    ),
    comment:
      'TDX: MRTD and RTMR0 of known platforms. signed: from a statement over platforms that is signed.',
    absent: { value: defaults.measurements.hardware },
  },
});
