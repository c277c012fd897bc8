/** The policy file, written: every key with its value and a comment, so that nothing is left to defaults. */
import type { VerificationPolicy } from '../policy.ts';
import { type PolicyFile, policyShape } from './shape.ts';
import { completeFloors } from './tcb-floor.ts';

export interface FormatOptions {
  /** Lines of comment above the first key. */
  readonly header?: readonly string[] | undefined;
  /** Lines of comment below the value of a key: by its path in the file, "measurements.pinned". */
  readonly notes?: Readonly<Record<string, readonly string[]>> | undefined;
}

/**
 * YAML that `parsePolicy` reads back to an equal policy; only its `sha256` is the new file's.
 * @param options lines of comment to add; what is not printable in them becomes "?"
 * @throws VerifierError ARGUMENT_INVALID for a pinned register that a file has no key for
 */
export function formatPolicy(policy: VerificationPolicy, options: FormatOptions = {}): string {
  const { header = [], notes = {} } = options;
  const lines = [
    ...header.map((line) => `# ${printable(line)}`.trimEnd()),
    ...(header.length > 0 ? [''] : []),
    ...spaced(
      policyShape.write(fileOf(policy), {
        comments: true,
        notes: Object.fromEntries(Object.entries(notes).map(([path, few]) => [path, few.map(printable)])),
        path: '',
      }) as readonly string[],
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function fileOf({
  name,
  hardware,
  devices,
  code,
  measurements,
  freshness,
  channel,
}: VerificationPolicy): PolicyFile {
  const { products, minimumTcb } = hardware.snp;
  const snp = { ...hardware.snp, minimumTcb: completeFloors(products, minimumTcb) };
  return {
    version: 1,
    name,
    hardware: { ...hardware, snp },
    devices,
    code,
    measurements,
    freshness,
    channel,
  };
}

/** A blank line before each section: before the comment of a key at the left margin that has a map. */
function spaced(lines: readonly string[]): string[] {
  return lines.flatMap((line, at) =>
    at > 0 && line.startsWith('#') && lines[at + 1]?.endsWith(':') === true ? ['', line] : [line],
  );
}

/** A line break in a comment would begin a key. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
