/** Where the guest stopped; `boot` is anything before or outside its own stages. */
export const STAGES = ['boot', 'modules', 'disk', 'open', 'mount', 'read'] as const;
export type Stage = (typeof STAGES)[number];

/** What the guest says about the pack. */
export type GuestReport =
  /** Path to SHA-256 in hex, of every regular file. */
  { verdict: 'opened'; files: Map<string, string> } | { verdict: 'refused'; stage: Stage; reason: string };

const FILE_LINE = /^file ([0-9a-f]{64}) ((?:[0-9a-f]{2})+)$/;
const VERDICT_LINE = /^(opened|refused) ?(.*)$/;

/**
 * Reads what init.sh wrote. Only a report that is whole says `opened`: an unknown line, a path that comes twice, a
 * missing verdict or a count that differs is a refusal.
 */
export function parseGuestReport(text: string): GuestReport {
  let stage: Stage = 'boot';
  const refused = (reason: string): GuestReport => ({ verdict: 'refused', stage, reason });
  const lines = text.split('\n');
  if (lines.pop() !== '') return refused('the guest stopped in the middle of a line of its report');
  const files = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    const announced = STAGES.find((name) => line === `stage ${name}`);
    const file = FILE_LINE.exec(line);
    const verdict = VERDICT_LINE.exec(line);
    if (announced !== undefined) stage = announced;
    else if (file) {
      const path = Buffer.from(file[2]!, 'hex').toString();
      if (files.has(path)) return refused(`the guest reports ${path} twice`);
      files.set(path, file[1]!);
    } else if (!verdict || index !== lines.length - 1)
      return refused(`the guest's report has a line that does not belong: ${line}`);
    else if (verdict[1] === 'refused') return refused(verdict[2]!.replace(/^\w+ ?/, '').trim());
    else if (stage !== 'read' || verdict[2] !== String(files.size)) {
      return refused(`the guest says it read ${verdict[2]} files, its report lists ${files.size}`);
    } else return { verdict: 'opened', files };
  }
  return refused('the guest gave no verdict');
}

/** The kernel's own words about a block that does not match, or about what broke instead; at most three lines. */
export function kernelComplaints(console: string): string[] {
  const lines = console.split(/\r?\n/).map((line) => line.replace(/^\[ *[\d.]+\] /, ''));
  const telling =
    /device-mapper: verity: .*corrupted|I\/O error|Kernel panic|erofs: .*(?:cannot|invalid|failed|unsupported)/i;
  return [...new Set(lines.filter((line) => telling.test(line)))].slice(0, 3);
}
