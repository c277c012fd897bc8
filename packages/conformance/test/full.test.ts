/** `verify-full` over simulated hardware and a simulated Sigstore: each mode, and what each part refuses. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { toBase64, toHex, utf8 } from '@vitrine/bytes';
import { predicateType } from '@vitrine/measure/predicate';
import {
  createSigstore,
  createSnpAuthority,
  createTdxAuthority,
  createTdxPlatform,
  generateKey,
  issueTdxCollateral,
  issueTdxQuote,
} from '@vitrine/simtee';
import { formatPemCertificates } from '@vitrine/x509';
import { run } from '../src/run.ts';

const now = new Date('2025-01-10T12:00:00Z');
const seconds = now.getTime() / 1000;
/** A minute after the signing. */
const clock = new Date(now.getTime() + 60_000);
const repo = 'acme/chat';
const digest = 'ab'.repeat(32);
const launchDigest = new Uint8Array(48).fill(0x5a);
const rtmr = (value: number): Uint8Array => new Uint8Array(48).fill(value);
const hardware = [
  { id: 'another', mrtd: toHex(rtmr(9)), rtmr0: toHex(rtmr(0)) },
  { id: 'medium', mrtd: toHex(rtmr(0xd0)), rtmr0: toHex(rtmr(0)) },
];

type Json = Record<string, unknown>;
interface Verdict {
  readonly status: number;
  readonly code?: string | undefined;
  readonly stage?: string | undefined;
  readonly outputs?: Json | undefined;
}
let sigstore: Json;
let sev: Json;
let tdx: Json;

before(async () => {
  [sigstore, sev, tdx] = await Promise.all([signed(), sevReport(), tdxQuote()]);
});

async function signed(predicate?: Json, type: string = predicateType.multiPlatform): Promise<Json> {
  const instance = await createSigstore({ from: new Date('2025-01-01T00:00:00Z') });
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'tinfoil-deployment.json', digest: { sha256: digest } }],
    predicateType: type,
    predicate: predicate ?? {
      snp_measurement: toHex(launchDigest),
      tdx_measurement: { rtmr1: toHex(rtmr(1)), rtmr2: toHex(rtmr(2)) },
    },
  };
  const bundle = await instance.signDsse({
    identity: { repository: repo, ref: 'refs/tags/v1.0.0' },
    at: now,
    payload: JSON.stringify(statement),
  });
  return {
    bundle_b64: toBase64(utf8(bundle)),
    expected_digest_sha256_hex: digest,
    repo,
    policy: {},
    trust_root_b64: toBase64(utf8(instance.trustedRootJson)),
    verification_time_unix: seconds + 60,
  };
}

async function sevReport(): Promise<Json> {
  const authority = await createSnpAuthority({ product: 'Genoa', now });
  const tcb = { bootloader: 10, tee: 0, snp: 23, microcode: 84 };
  const chipId = new Uint8Array(64).fill(3);
  const vcek = await authority.issueVcek({ chipId, tcb, key: await generateKey('P-384') });
  const report = await authority.issueReport({ tcb, chipId, measurement: launchDigest }, vcek.key);
  return {
    attestation_doc_b64: toBase64(report),
    vcek_der_b64: toBase64(vcek.certificate.der),
    amd_root_ca_pem: formatPemCertificates([authority.ark]),
    ask_pem: formatPemCertificates([authority.ask]),
    expiration_check_date_unix: seconds,
  };
}

async function tdxQuote(rtmr3 = rtmr(0)): Promise<Json> {
  const authority = await createTdxAuthority();
  const platform = await createTdxPlatform(authority);
  const collateral = await issueTdxCollateral(authority, platform);
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const quote = await issueTdxQuote(platform, {
    mrTd: rtmr(0xd0),
    rtmrs: [rtmr(0), rtmr(1), rtmr(2), rtmr3],
  });
  return {
    quote_b64: toBase64(quote),
    collateral: {
      tcb_info_json: text(collateral.tcbInfo),
      qe_identity_json: text(collateral.qeIdentity),
      pck_crl_der_b64: toBase64(collateral.pckCrl),
      root_crl_der_b64: toBase64(collateral.rootCrl),
      intel_root_ca_pem: formatPemCertificates([authority.root.certificate]),
      tcb_info_issuer_chain_pem: text(collateral.tcbInfoIssuerChain),
      qe_identity_issuer_chain_pem: text(collateral.qeIdentityIssuerChain),
      pck_crl_issuer_chain_pem: text(collateral.pckCrlIssuerChain),
    },
    expiration_check_date_unix: seconds,
  };
}

async function verdictOn(input: Json): Promise<Verdict> {
  const bytes = utf8(JSON.stringify({ schema_version: '1', ...input }));
  const { exitStatus, output } = await run(['verify-full'], () => bytes, { now: clock });
  const { rejection, outputs } = (output ?? {}) as { rejection?: Json; outputs?: Json };
  return {
    status: exitStatus,
    ...(rejection ? { code: String(rejection['code']), stage: String(rejection['stage']) } : {}),
    ...(outputs ? { outputs } : {}),
  };
}

async function refuses(input: Json, stage: string, code: string): Promise<void> {
  const verdict = await verdictOn(input);
  assert.deepEqual(verdict, { status: 10, code, stage });
}

function without(value: Json, ...names: string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

function flipped(base64: unknown, at: number): string {
  const bytes = Uint8Array.from(Buffer.from(String(base64), 'base64'));
  bytes[at]! ^= 1;
  return toBase64(bytes);
}

const multiRegisters = [toHex(launchDigest), toHex(rtmr(1)), toHex(rtmr(2))];
const zero = toHex(rtmr(0));

describe('verify-full', () => {
  test('accepts a signed measurement that SEV-SNP reports, in modes standard and bundle', async () => {
    for (const mode of ['standard', 'bundle'])
      assert.deepEqual(await verdictOn({ mode, sigstore, attestation_sev: sev }), {
        status: 0,
        outputs: {
          mode,
          platform: 'sev-snp',
          sigstore_measurement: { type: predicateType.multiPlatform, registers: multiRegisters },
          attestation_measurement: { type: predicateType.sevSnpGuest, registers: [toHex(launchDigest)] },
          final_measurement_fingerprint_hex: toHex(launchDigest),
        },
      });
  });

  test('accepts a signed measurement that TDX reports on a platform that is known, and names the platform', async () => {
    const input = { mode: 'standard', sigstore, attestation_tdx: tdx, hardware_measurements: hardware };
    const { status, outputs } = await verdictOn(input);
    assert.equal(status, 0);
    assert.deepEqual(outputs?.['matched_hardware'], hardware[1]);
    assert.equal(outputs?.['platform'], 'tdx');
    assert.match(String(outputs['final_measurement_fingerprint_hex']), /^[0-9a-f]{64}$/);
  });

  test('accepts a pinned measurement without Sigstore and without a list of platforms', async () => {
    const cases = [
      [sev, 'attestation_sev', predicateType.sevSnpGuest, [toHex(launchDigest)]],
      [sev, 'attestation_sev', predicateType.multiPlatform, multiRegisters],
      [
        tdx,
        'attestation_tdx',
        predicateType.tdxGuest,
        [toHex(rtmr(0xd0)), zero, ...multiRegisters.slice(1), zero],
      ],
      [tdx, 'attestation_tdx', predicateType.multiPlatform, multiRegisters],
    ] as const;
    for (const [evidence, member, type, registers] of cases) {
      const pinned = { type, registers };
      const { status, outputs } = await verdictOn({
        mode: 'pinned',
        pinned_measurement: pinned,
        [member]: evidence,
      });
      assert.equal(status, 0, `${member} ${type}`);
      assert.equal(outputs?.['sigstore_measurement'], undefined);
      assert.equal(outputs?.['matched_hardware'], undefined);
    }
  });

  test('takes the time from the clock and the policy from the contract where they are left out', async () => {
    const signature = without(sigstore, 'verification_time_unix', 'policy');
    const quote = without(tdx, 'expiration_check_date_unix');
    const input = {
      mode: 'standard',
      sigstore: signature,
      attestation_tdx: quote,
      hardware_measurements: hardware,
    };
    assert.equal((await verdictOn(input)).status, 0);
    await refuses(
      { ...input, sigstore: { ...signature, policy: { workflow_ref_prefix: 'refs/heads/' } } },
      'verify-sigstore',
      'WORKFLOW_REF_PREFIX_MISMATCH',
    );
  });

  test('a mode without what it needs is refused, and does not become another mode', async () => {
    const pinned_measurement = { type: predicateType.sevSnpGuest, registers: [toHex(launchDigest)] };
    for (const mode of ['standard', 'bundle'])
      await refuses({ mode, pinned_measurement, attestation_sev: sev }, 'verify-full', 'BUNDLE_MALFORMED');
    await refuses(
      { mode: 'pinned', sigstore, attestation_sev: sev },
      'verify-full',
      'MEASUREMENT_TYPE_UNKNOWN',
    );
    await refuses({ mode: 'standard', sigstore }, 'verify-full', 'REPORT_FORMAT_UNSUPPORTED');
    await refuses({ mode: 'pinned', pinned_measurement }, 'verify-full', 'REPORT_FORMAT_UNSUPPORTED');
  });

  test('a signature that is not good is refused by verify-sigstore', async () => {
    const input = { mode: 'standard', attestation_sev: sev };
    const cases: [Json, string][] = [
      [{ repo: 'mallory/chat' }, 'WORKFLOW_REPOSITORY_MISMATCH'],
      [{ expected_digest_sha256_hex: 'cd'.repeat(32) }, 'SUBJECT_DIGEST_MISMATCH'],
      [{ policy: { oidc_issuer: 'https://login.example.org' } }, 'OIDC_ISSUER_MISMATCH'],
      [{ trust_root_b64: (await signed())['trust_root_b64'] }, 'FULCIO_CHAIN_INVALID'],
    ];
    for (const [change, code] of cases)
      await refuses({ ...input, sigstore: { ...sigstore, ...change } }, 'verify-sigstore', code);
  });

  test('a statement that signs no measurement is refused, whatever the pin says', async () => {
    const input = {
      mode: 'standard',
      attestation_sev: sev,
      pinned_measurement: { type: 'x', registers: [] },
    };
    const other = await signed({}, 'https://slsa.dev/provenance/v1');
    await refuses({ ...input, sigstore: other }, 'verify-sigstore', 'PREDICATE_MEASUREMENT_INVALID');
    const broken = await signed({ snp_measurement: 'no digits', tdx_measurement: {} });
    await refuses({ ...input, sigstore: broken }, 'verify-sigstore', 'PREDICATE_MEASUREMENT_INVALID');
  });

  test('evidence that is not good is refused by its own stage', async () => {
    const report = { ...sev, attestation_doc_b64: flipped(sev['attestation_doc_b64'], 0x95) };
    await refuses(
      { mode: 'standard', sigstore, attestation_sev: report },
      'verify-attestation-sev',
      'REPORT_SIGNATURE_INVALID',
    );
    const quote = { ...tdx, quote_b64: flipped(tdx['quote_b64'], 200) };
    const input = { mode: 'standard', sigstore, hardware_measurements: hardware };
    await refuses({ ...input, attestation_tdx: quote }, 'verify-attestation-tdx', 'QUOTE_SIGNATURE_INVALID');
    const bare = without(tdx, 'collateral');
    await refuses(
      { ...input, attestation_tdx: bare },
      'verify-attestation-tdx',
      'QV_RESULT_TERMINAL_UNSPECIFIED',
    );
    const underAmd = without(sev, 'amd_root_ca_pem');
    await refuses({ ...input, attestation_sev: underAmd }, 'verify-attestation-sev', 'ASK_INVALID');
  });

  test('TDX on a platform that is not in the list is refused by verify-hardware-measurements', async () => {
    for (const list of [undefined, [], [hardware[0]]])
      await refuses(
        {
          mode: 'standard',
          sigstore,
          attestation_tdx: tdx,
          ...(list ? { hardware_measurements: list } : {}),
        },
        'verify-hardware-measurements',
        'HARDWARE_NO_MATCH',
      );
  });

  test('another measurement than the signed or pinned one is refused by verify-measurement', async () => {
    const otherSnp = await signed({
      snp_measurement: toHex(rtmr(7)),
      tdx_measurement: { rtmr1: toHex(rtmr(1)), rtmr2: toHex(rtmr(7)) },
    });
    const [stage, code] = ['verify-measurement', 'MEASUREMENT_MISMATCH'];
    await refuses({ mode: 'standard', sigstore: otherSnp, attestation_sev: sev }, stage, code);
    const onTdx = { mode: 'bundle', attestation_tdx: tdx, hardware_measurements: hardware };
    await refuses({ ...onTdx, sigstore: otherSnp }, stage, code);
    const pinned = (type: string, registers: readonly string[]): Json => ({
      mode: 'pinned',
      pinned_measurement: { type, registers },
      attestation_sev: sev,
    });
    await refuses(pinned(predicateType.sevSnpGuest, ['ff'.repeat(48)]), stage, code);
    await refuses(pinned(predicateType.sevSnpGuest, ['no digits']), stage, code);
    await refuses(pinned('https://example.org', ['00']), stage, 'MEASUREMENT_TYPE_UNKNOWN');
    await refuses(pinned(predicateType.sevSnpGuest, []), stage, 'MEASUREMENT_REGISTER_COUNT_INVALID');
    await refuses(
      pinned(predicateType.tdxGuest, Array<string>(5).fill(zero)),
      stage,
      'MEASUREMENT_TYPE_COMBINATION_UNSUPPORTED',
    );
  });

  test('something that extended RTMR3 is refused', async () => {
    const extended = await tdxQuote(rtmr(3));
    await refuses(
      { mode: 'standard', sigstore, attestation_tdx: extended, hardware_measurements: hardware },
      'verify-measurement',
      'MEASUREMENT_RTMR3_NONZERO',
    );
  });

  test('input that is not as the schema says is malformed', async () => {
    const input = { mode: 'standard', sigstore, attestation_sev: sev };
    const cases: Json[] = [
      { ...input, mode: 'easy' },
      { ...input, mode: undefined },
      { ...input, attestation_tdx: tdx },
      { ...input, sigstore: { ...sigstore, surprise: 1 } },
      { ...input, sigstore: { ...sigstore, policy: { surprise: 1 } } },
      { ...input, sigstore: [] },
      { ...input, attestation_sev: { ...sev, surprise: 1 } },
      { ...input, hardware_measurements: [{ id: 'x', mrtd: '' }] },
      { mode: 'pinned', attestation_sev: sev, pinned_measurement: { type: 'x' } },
    ];
    for (const [at, one] of cases.entries()) assert.equal((await verdictOn(one)).status, 30, `case ${at}`);
  });
});
