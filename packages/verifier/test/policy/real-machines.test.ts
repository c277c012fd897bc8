/** The built-in floors against the TCB of real machines. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type SnpProduct, decodeTcb, parseSnpReport } from '@vitrine/evidence';
import { defaultPolicy, tcbFloorOf } from '../../src/policy-file/index.ts';

const folder =
  process.env['VITRINE_FIXTURES'] ?? new URL('../../../../../shared/fixtures/', import.meta.url).pathname;
const skip = !existsSync(join(folder, 'SHA256SUMS')) && `no fixtures at ${folder}`;

/** The levels of a report that are below the built-in floor of its line. */
function below(name: string, product: SnpProduct): string[] {
  const report = parseSnpReport(new Uint8Array(readFileSync(join(folder, 'snp', name, 'report.bin'))));
  const tcb = decodeTcb(product, report.reportedTcb);
  const floor = tcbFloorOf(defaultPolicy(), product, report.cpu);
  return (['fmc', 'bootloader', 'tee', 'snp', 'microcode'] as const).filter(
    (component) => (tcb[component] ?? 0) < (floor[component] ?? 0),
  );
}

describe('built-in floors of the TCB', () => {
  const patched = [
    ['azure-genoa-v3', 'Genoa'],
    ['ms-genoa-v3', 'Genoa'],
    // Bergamo or Siena, with microcode 27: far below the number of Genoa, and current.
    ['genoa-v5-a', 'Genoa'],
    ['azure-milan-v3-a', 'Milan'],
    ['gcp-milan-v5-zero', 'Milan'],
  ] as const;
  for (const [name, product] of patched)
    test(`${name}: a machine with the fixes is at or above them`, { skip }, () => {
      assert.deepEqual(below(name, product), []);
    });

  for (const name of ['milan-v2', 'milan-v2-azure', 'milan-v2-debug', 'azure-milan-v2'])
    test(`${name}: a machine of 2023 is below them, in firmware and microcode`, { skip }, () => {
      assert.deepEqual(below(name, 'Milan'), ['snp', 'microcode']);
    });
});
