/** Policies of people who verify the simulated services: what a dialect cannot show is said to be dispensed with. */
import { toHex } from '@vitrine/bytes';
import { tdxPlatform } from './platforms.ts';
import { repository } from './release.ts';

const builders = `code:
  builders:
    - repository: ${repository}
`;

export const policies = {
  /** Tinfoil's document of version 2: no nonce. */
  withoutNonce: `version: 1
name: without a nonce
${builders}freshness:
  require-nonce: false
`,
  /** Trust domains on one known platform. */
  tdx: `version: 1
name: trust domains of a known platform
${builders}hardware:
  platforms: [tdx]
measurements:
  hardware:
    - id: simulated-platform
      mrtd: "${toHex(tdxPlatform.mrtd)}"
      rtmr0: "${toHex(tdxPlatform.rtmr0)}"
`,
  /** Blyss: no nonce, and GPU evidence that nothing ties to the processor. */
  blyss: `version: 1
name: what Blyss can show
freshness:
  require-nonce: false
devices:
  require-binding: false
`,
  /** Blyss, held to one measurement. @param launchDigest hexadecimal */
  pinnedBlyss: (launchDigest: string) => `version: 1
name: one launch of Blyss
freshness:
  require-nonce: false
devices:
  require-binding: false
measurements:
  pinned:
    - name: the launch that was looked at
      registers:
        launch-digest: "${launchDigest}"
`,
  /** One model and no other. */
  oneModel: (rootHash: string) => `version: 1
name: one model
${builders}measurements:
  model-roots: ["${rootHash}"]
`,
  /** An older release than one that was seen before is taken. */
  rollback: `version: 1
name: rollback
${builders}  allow-rollback: true
`,
  /** Every proof that can be had is demanded. */
  everything: `version: 1
name: everything
${builders}devices:
  gpus: 2
  require-revocation: true
measurements:
  require-recomputation: true
channel:
  ct: { require-inclusion: true }
`,
};
