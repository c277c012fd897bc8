/** Command lines that a VM may have been started with in place of the signed one. */
import { type Difference, diffCmdlines } from '@vitrine/measure';

export interface LineGuess {
  readonly cmdline: string;
  /** What it means, for a person. */
  readonly sentence: string;
}

const MAX_WORDS_LEFT_OUT = 64;
/**
 * A shell instead of the system or beside it, output to the host, protection turned off (Linux, kernel parameters;
 * systemd, kernel-command-line).
 */
const openingWords = [
  'init=/bin/sh',
  'init=/bin/bash',
  'rdinit=/bin/sh',
  'rdinit=/bin/bash',
  'single',
  'emergency',
  'systemd.debug_shell',
  'systemd.debug_shell=1',
  'systemd.unit=rescue.target',
  'systemd.unit=emergency.target',
  'rd.break',
  'rd.shell',
  'console=ttyS0',
  'console=hvc0',
  'mitigations=off',
] as const;

/** @param claimed what the service says of itself */
export function* lineGuesses(cmdline: string, claimed: string | undefined): Generator<LineGuess, void> {
  const changed = (other: string): LineGuess => ({
    cmdline: other,
    sentence: `the VM was started with another command line: ${describe(diffCmdlines(cmdline, other))}`,
  });
  if (claimed !== undefined && claimed !== cmdline) yield changed(claimed);
  yield {
    cmdline: `${cmdline} tinfoil-debug=on`,
    sentence: 'the VM was started for debugging: tinfoil-debug=on was added to its command line',
  };
  for (const other of neighbours(cmdline)) yield changed(other);
}

/** Command lines with one word less, or with one more of those that open a VM. */
function* neighbours(cmdline: string): Generator<string, void> {
  for (const word of openingWords) {
    yield `${cmdline} ${word}`;
    yield `${word} ${cmdline}`;
  }
  const words = cmdline.split(' ').slice(0, MAX_WORDS_LEFT_OUT);
  for (const at of words.keys())
    yield cmdline
      .split(' ')
      .filter((_, index) => index !== at)
      .join(' ');
}

function describe(differences: readonly Difference[]): string {
  return differences
    .map((difference) => {
      switch (difference.kind) {
        case 'word-added':
          return `the word "${difference.word}" was added`;
        case 'word-removed':
          return `the word "${difference.word}" is missing`;
        case 'word-changed':
          return `"${difference.b}" stands where "${difference.a}" was signed`;
        case 'spacing':
          return 'only the spaces between its words differ';
        default:
          return `${difference.name} is ${difference.b}, was ${difference.a}`;
      }
    })
    .join(', ');
}
