/** Attacks on the processor's evidence: old, altered, of other machines, of machines that are open. */
import { generateKey, issueTdxCollateral } from '@vitrine/simtee';
import { decodeUtf8, fromBase64, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { policies } from '../policies.ts';
import { type Scene, honestScene } from '../scene.ts';
import type { World } from '../world.ts';
import { type Attack, once } from './attack.ts';

const native = (change: (scene: Scene, world: World) => Scene | Promise<Scene>) =>
  once(change, (world) => honestScene(world));
const trustDomain = (change: (scene: Scene, world: World) => Scene | Promise<Scene>) =>
  once(change, (world) => ({ ...honestScene(world), platform: 'tdx' }));

/** Bit 19 of the guest policy (SEV-SNP ABI 56860 section 4.3), beside those of an honest guest. */
const DEBUG_POLICY = 0x30000n | (1n << 19n);
const ASK_SERIAL = 0x20002;

export const runtimeAttacks: readonly Attack[] = [
  {
    name: 'replayed-document',
    deed: 'records the evidence of one visit and answers the next one with it',
    visits: (world) => {
      let recorded: Uint8Array | undefined;
      const scene: Scene = {
        ...honestScene(world),
        respond: async (_, response, honest) => {
          recorded ??= await honest();
          response.writeHead(200, { 'content-type': 'application/json' }).end(recorded);
        },
      };
      return Promise.resolve([scene, scene]);
    },
    exit: 1,
    code: 'NONCE_MISMATCH',
    says: 'evidence that was made for somebody else',
  },
  {
    name: 'replayed-under-a-new-nonce',
    deed: "writes this client's nonce over that of old evidence",
    visits: native((scene) => ({ ...scene, attestedNonce: new Uint8Array(32).fill(0x0d) })),
    exit: 1,
    code: 'REPORT_DATA_MISMATCH',
    says: 'put together from parts that do not belong together, or was altered',
  },
  {
    name: 'another-hpke-key',
    deed: 'puts a key of its own for encrypted requests into the document',
    visits: native((scene) => ({
      ...scene,
      alter: (document) => {
        const text = decodeUtf8(fromBase64(String(document['keys'])));
        const keys = JSON.parse(text) as { hpke: { x25519: string } };
        keys.hpke.x25519 = toHex(new Uint8Array(32).fill(0x66));
        document['keys'] = toBase64(utf8(JSON.stringify(keys)));
      },
    })),
    exit: 1,
    code: 'REPORT_DATA_MISMATCH',
    says: 'The keys and the device evidence are those that the processor signed for',
  },
  {
    name: 'debug-vm',
    deed: 'starts the VM with debugging allowed, to read its memory',
    visits: native((scene) => ({ ...scene, report: { policy: DEBUG_POLICY } })),
    exit: 1,
    code: 'GUEST_POLICY_DEBUG_SET',
    says: 'whoever runs the machine may read and change its memory',
  },
  {
    name: 'migration-agent',
    deed: 'starts the VM with a migration agent, which may export its memory',
    visits: native((scene) => ({ ...scene, report: { policy: 0x30000n | (1n << 18n) } })),
    exit: 1,
    code: 'GUEST_POLICY_MIGRATE_MA_SET',
    says: 'by something that was not measured',
  },
  {
    name: 'lower-privilege-level',
    deed: 'has the report made at privilege level 2, by something beside the system that was measured',
    visits: native((scene) => ({ ...scene, report: { vmpl: 2 } })),
    exit: 1,
    code: 'VMPL_MISMATCH',
    says: 'something else in the VM than the system that was measured asked for the report',
  },
  {
    name: 'debug-trust-domain',
    deed: 'starts the trust domain with debugging allowed',
    visits: trustDomain((scene) => ({
      ...scene,
      quote: { tdAttributes: Uint8Array.of(1, 0, 0, 0x10, 0, 0, 0, 0) },
    })),
    policy: () => policies.tdx,
    exit: 1,
    code: 'TD_ATTRIBUTES_DEBUG_SET',
    says: 'whoever runs the machine may read and change its memory',
  },
  {
    name: 'self-made-processor',
    deed: "signs a report with a key that it endorsed itself in AMD's name",
    visits: native(async (scene, { amd, chipId, tcb }) => ({
      ...scene,
      vcek: await amd.issueVcek({ chipId, tcb, signedBy: await generateKey('RSA-PSS-4096') }),
    })),
    exit: 1,
    code: 'VCEK_CHAIN_INVALID',
    says: 'A genuine AMD processor signed the report',
  },
  {
    name: 'report-of-another-chip',
    deed: 'shows the certificate of one chip with the report of another',
    visits: native((scene) => ({ ...scene, report: { chipId: new Uint8Array(64).fill(0x99) } })),
    exit: 1,
    code: 'VCEK_HWID_MISMATCH',
    says: "of the VCEK's certificate",
  },
  {
    name: 'revoked-ask',
    deed: 'goes on with a processor whose issuer AMD has revoked',
    visits: native(async (scene, { amd }) => ({
      ...scene,
      crl: await amd.issueCrl({ revoked: [ASK_SERIAL] }),
    })),
    exit: 1,
    code: 'ASK_REVOKED',
    says: "AMD has not revoked the processor's keys",
  },
  {
    name: 'revoked-pck',
    deed: 'goes on with a machine whose key Intel has revoked',
    visits: trustDomain(async (scene, { intel, platform, now }) => ({
      ...scene,
      collateral: await issueTdxCollateral(intel, platform, { issueDate: now, revokedPck: [0x54] }),
    })),
    policy: () => policies.tdx,
    exit: 1,
    code: 'PCK_REVOKED',
    says: 'Intel',
  },
  {
    name: 'stale-tcb',
    deed: 'keeps firmware whose holes are public',
    visits: native(async (scene, { amd, chipId, tcb }) => {
      const stale = { ...tcb, microcode: 72 };
      return { ...scene, vcek: await amd.issueVcek({ chipId, tcb: stale }), report: { tcb: stale } };
    }),
    exit: 1,
    code: 'TCB_OUT_OF_DATE',
    says: 'weaknesses of such firmware are public',
  },
  {
    name: 'stale-tdx-module',
    deed: 'keeps a platform that Intel calls out of date',
    visits: trustDomain(async (scene, { intel, platform, now }) => ({
      ...scene,
      collateral: await issueTdxCollateral(intel, platform, {
        issueDate: now,
        levels: [{ status: 'OutOfDate', advisoryIds: ['INTEL-SA-00000'] }],
      }),
    })),
    policy: () => policies.tdx,
    exit: 1,
    code: 'QV_RESULT_NOT_ACCEPTED_BY_POLICY',
    says: 'OutOfDate',
  },
  {
    name: 'forged-tcb-info',
    deed: "answers in Intel's name that its old platform is up to date",
    visits: trustDomain(async (scene, { intel, platform, now }) => ({
      ...scene,
      collateral: await issueTdxCollateral(intel, platform, {
        issueDate: now,
        tcbInfoSigner: await generateKey('P-256'),
      }),
    })),
    policy: () => policies.tdx,
    exit: 1,
    code: 'TCB_INFO_SIGNATURE_INVALID',
    says: 'TCB info',
  },
  {
    name: 'downgrade',
    deed: 'hides its newer documents and answers with one of an old version, which has no nonce',
    visits: once(
      (scene) => scene,
      (world) => honestScene(world, 'tinfoil-v2'),
    ),
    exit: 3,
    code: 'runtime.freshness',
    besides: ['runtime.devices'],
    says: 'old evidence cannot be told from new',
  },
  {
    name: 'missing-collateral',
    deed: "lets nobody reach AMD's revocation list",
    visits: native((scene) => ({
      ...scene,
      mirror: (path) =>
        path.endsWith('/crl') ? (_, response) => void response.writeHead(404).end() : undefined,
    })),
    exit: 3,
    code: 'HTTP_STATUS',
    says: "AMD's revocation list is missing",
  },
  {
    name: 'old-revocation-list',
    deed: 'serves a revocation list of last month, which names nobody',
    visits: native(async (scene, { amd, now }) => ({
      ...scene,
      crl: await amd.issueCrl({
        thisUpdate: new Date(now.getTime() - 60 * 86_400_000),
        nextUpdate: new Date(now.getTime() - 30 * 86_400_000),
      }),
    })),
    exit: 1,
    code: 'CRL_EXPIRED',
    says: "AMD has not revoked the processor's keys",
  },
  {
    name: 'clock-a-year-ahead',
    deed: "turns the client's clock forward by a year",
    visits: native((scene) => scene),
    clockAheadDays: 366,
    exit: 1,
    code: 'TLS_CERT_EXPIRED',
    besides: ['CRL_EXPIRED', 'GPU_OCSP_INVALID'],
    says: 'in date',
  },
  {
    name: 'clock-a-year-behind',
    deed: "turns the client's clock back by a year, to before what was revoked since",
    visits: native((scene) => scene),
    clockAheadDays: -366,
    exit: 1,
    code: 'TLS_CERT_NOT_YET_VALID',
    besides: ['GPU_OCSP_INVALID', 'RIM_EXPIRED', 'SCT_IN_FUTURE', 'TIME_IN_FUTURE', 'VCEK_NOT_YET_VALID'],
    says: 'in date',
  },
];
