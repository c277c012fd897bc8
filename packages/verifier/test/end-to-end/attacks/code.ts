/** Attacks on where the code comes from: older, built by others, signed by nobody who counts. */
import { createSigstore } from '@vitrine/simtee';
import { type ReleaseRequest, repository } from '../release.ts';
import { honestScene } from '../scene.ts';
import type { World } from '../world.ts';
import { type Attack, once } from './attack.ts';

/** The service runs a release that was made so, and shows it honestly. */
const released = (request: (world: World) => Partial<ReleaseRequest> | Promise<Partial<ReleaseRequest>>) =>
  once(
    async (scene, world) => ({ ...scene, release: await world.issueRelease(await request(world)) }),
    (world) => honestScene(world),
  );

const DAY_MS = 86_400_000;

export const codeAttacks: readonly Attack[] = [
  {
    name: 'old-release',
    deed: 'goes back to an older release, properly signed, whose hole is known',
    visits: async (world) => {
      const at = new Date(world.now.getTime() - 200 * DAY_MS);
      const older = await world.issueRelease({ tag: 'v1.1.0', at, extraWords: 'quiet' });
      return [honestScene(world), { ...honestScene(world), release: older }];
    },
    exit: 1,
    code: 'RELEASE_OLDER_THAN_SEEN',
    says: 'the service went back to an older release',
  },
  {
    name: 'moved-tag',
    deed: 'moves the tag of the release to other code',
    visits: async (world) => {
      const at = new Date(world.now.getTime() - DAY_MS);
      const moved = await world.issueRelease({ at, extraWords: 'quiet' });
      return [honestScene(world), { ...honestScene(world), release: moved }];
    },
    exit: 1,
    code: 'RELEASE_TAG_MOVED',
    says: 'v1.2.0',
  },
  {
    name: 'branch-named-like-a-tag',
    deed: 'builds from a branch whose name is that of a release, which anyone with write access can push',
    visits: released(() => ({ identity: { repository, ref: 'refs/heads/v1.2.0' } })),
    exit: 1,
    code: 'WORKFLOW_REF_PREFIX_MISMATCH',
    says: 'refs/heads/v1.2.0',
  },
  {
    name: 'bundle-of-another-repository',
    deed: 'signs the same statement with a workflow of a repository of its own',
    visits: released(() => ({ identity: { repository: 'mallory/chat', ref: 'refs/tags/v1.2.0' } })),
    exit: 1,
    code: 'WORKFLOW_REPOSITORY_MISMATCH',
    says: 'mallory/chat',
  },
  {
    name: 'own-runner',
    deed: "has the release built on a machine of its own, with the repository's workflow",
    visits: released(() => ({
      identity: { repository, ref: 'refs/tags/v1.2.0', runnerEnvironment: 'self-hosted' },
    })),
    exit: 1,
    code: 'RUNNER_ENVIRONMENT_MISMATCH',
    says: 'self-hosted',
  },
  {
    name: 'signed-by-a-person',
    deed: 'signs the statement under its own name instead of a workflow',
    visits: released(() => ({
      identity: { issuer: 'https://accounts.google.com', kind: 'email', subject: 'mallory@example.org' },
    })),
    exit: 1,
    code: 'OIDC_ISSUER_MISMATCH',
    says: 'accounts.google.com',
  },
  {
    name: 'statement-about-another-release',
    deed: 'shows a genuine statement that is about another deployment file',
    visits: released(() => ({ subject: new Uint8Array(32).fill(0x5b) })),
    exit: 1,
    code: 'SUBJECT_DIGEST_MISMATCH',
    says: 'The statement is about this very release',
  },
  {
    name: 'altered-statement',
    deed: 'alters the statement after it was signed',
    visits: released(() => ({ sigstoreDefect: 'payload-swapped' })),
    exit: 1,
    code: 'DSSE_SIGNATURE_INVALID',
    says: 'The deployment statement is signed',
  },
  {
    name: 'unlogged-signature',
    deed: 'signs in secret, without an entry in the public log',
    visits: released(() => ({ sigstoreDefect: 'no-log-entry' })),
    exit: 1,
    code: 'TLOG_COUNT_OUT_OF_RANGE',
    says: 'log',
  },
  {
    name: 'made-up-log-entry',
    deed: 'makes up the proof that the public log has the signature',
    visits: released(() => ({ sigstoreDefect: 'bad-inclusion' })),
    exit: 1,
    code: 'REKOR_INCLUSION_INVALID',
    says: 'log',
  },
  {
    name: 'own-sigstore',
    deed: 'sets up a Sigstore of its own that signs whatever it likes',
    visits: released(async ({ now }) => ({
      sigstore: await createSigstore({ from: new Date(now.getTime() - 365 * DAY_MS) }),
    })),
    exit: 1,
    code: 'FULCIO_CHAIN_INVALID',
    says: 'The deployment statement is signed',
  },
];
