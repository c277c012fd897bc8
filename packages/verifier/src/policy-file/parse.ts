/** The policy file, read: YAML to a tree, the tree by the table of keys, then what contradicts itself. */
import { sha256, toHex } from '@vitrine/bytes';
import type { VerificationPolicy } from '../policy.ts';
import { refuseContradictions } from './contradictions.ts';
import { describe, refused } from './form.ts';
import { type PolicyFile, policyShape } from './shape.ts';
import { completeFloors } from './tcb-floor.ts';
import { type YamlNode, parseYamlTree } from './yaml-tree.ts';

/**
 * `vitrine-policy.yml` (docs/policy.md). What is left out has the default of `defaultPolicy()`, and floors are complete.
 * @param bytes UTF-8, 1 MiB at most
 * @throws PolicyFileError (VerifierError POLICY_MALFORMED) with line, column and key
 */
export async function parsePolicy(bytes: Uint8Array): Promise<VerificationPolicy> {
  const hash = toHex(await sha256(bytes));
  const tree = parseYamlTree(bytes);
  requireVersionFirst(tree);
  const file = policyShape.read(tree);
  refuseContradictions(file, tree);
  return policyOf(file, hash);
}

/** So that a file of a later version is refused for its version, not for a key that this one does not know. */
function requireVersionFirst(tree: YamlNode): void {
  if (tree.kind !== 'map')
    throw refused(tree.place, 'a map of keys', describe(tree), 'The first line is: version: 1');
  const [first] = tree.entries;
  if (first?.[0] !== 'version')
    throw refused(
      first?.[1].place ?? tree.place,
      'version as the first key',
      first ? `the key ${first[0].slice(0, 60).replace(/[^\x20-\x7e]/g, '?')}` : 'none',
      'The first line is: version: 1',
    );
  policyShape.fields.version.form.read(first[1].value);
}

function policyOf(file: PolicyFile, hash: string): VerificationPolicy {
  const { name, hardware, devices, code, measurements, freshness, channel } = file;
  const { products, minimumTcb } = hardware.snp;
  const snp = { ...hardware.snp, minimumTcb: completeFloors(products, minimumTcb) };
  return {
    name,
    sha256: hash,
    hardware: { ...hardware, snp },
    devices,
    code,
    measurements,
    freshness,
    channel,
  };
}
