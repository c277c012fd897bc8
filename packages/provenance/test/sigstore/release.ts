/** One release of one repository, signed at one time: what most tests start from. */
import { sha256, toHex } from '@vitrine/bytes';
import { type SimulatedSigstore, type WorkflowRun, createSigstore } from '@vitrine/simtee/sigstore';

export const at = new Date('2025-06-01T00:00:00Z');
/** The time of verification. */
export const later = new Date('2025-09-01T00:00:00Z');

export const run: WorkflowRun = { repository: 'owner/name', ref: 'refs/tags/v1.0.0' };
export const release = { identity: run, at };
export const predicateType = 'https://example.org/predicate/v1';

/** JSON of a statement about the artifact. */
export async function statementFor(...artifacts: readonly Uint8Array[]): Promise<string> {
  const subject = await Promise.all(
    artifacts.map(async (artifact, index) => ({
      name: `artifact-${index}`,
      digest: { sha256: toHex(await sha256(artifact)) },
    })),
  );
  return JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject,
    predicateType,
    predicate: { made: 'here' },
  });
}

const instances = new Map<1 | 2, Promise<SimulatedSigstore>>();

/** The same instance for every test: it takes some keys to make one. */
export function simulated(rekor: 1 | 2): Promise<SimulatedSigstore> {
  const instance = instances.get(rekor) ?? createSigstore({ rekor });
  instances.set(rekor, instance);
  return instance;
}
