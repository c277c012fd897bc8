/** `verify-full`: what was signed, what the processor measured, and whether the two are the same. */
import { BytesError, type JsonNode, type JsonValue, parseJson } from '@vitrine/bytes';
import {
  type HardwareMeasurement,
  type RegisterSet,
  fingerprint,
  matchHardware,
  parseRegisterSet,
  predicateType,
  requireEqualMeasurements,
} from '@vitrine/measure/predicate';
import { rejecting } from '../rejecting.ts';
import { MalformedInput, Rejection, type Stage, type StageContext } from '../stage.ts';
import { verifyAttestationSev } from './attestation-sev.ts';
import { verifyAttestationTdx } from './attestation-tdx.ts';
import { verifySigstore } from './sigstore.ts';

type Mode = 'standard' | 'bundle' | 'pinned';

/** One of the contract's stages as part of this one. */
type Part =
  | 'verify-sigstore'
  | 'verify-attestation-sev'
  | 'verify-attestation-tdx'
  | 'verify-hardware-measurements'
  | 'verify-measurement'
  | 'verify-full';

export const verifyFull: Stage = async (input, context) => {
  input.onlyNames(
    'schema_version',
    'mode',
    'sigstore',
    'attestation_sev',
    'attestation_tdx',
    'hardware_measurements',
    'pinned_measurement',
  );
  const mode = input.get('mode').word('standard', 'bundle', 'pinned');
  const hardware = readHardware(input);
  const reference = await within('verify-full', () => findReference(input, mode));
  const signed = await referenceMeasurement(reference, context);
  const { platform, measurement } = await attestedMeasurement(input, context);
  const matched =
    mode === 'pinned'
      ? undefined
      : await within('verify-hardware-measurements', () => requireHardware(signed, measurement, hardware));
  await within('verify-measurement', () => rejecting(() => requireEqualMeasurements(signed, measurement)));
  return {
    mode,
    platform,
    ...(mode === 'pinned' ? {} : { sigstore_measurement: jsonOf(signed) }),
    attestation_measurement: jsonOf(measurement),
    ...(matched ? { matched_hardware: { ...matched } } : {}),
    final_measurement_fingerprint_hex: await fingerprint(measurement),
  };
};

/** A rejection of the step is this part's. */
async function within<T>(stage: Part, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    throw new Rejection(error.code, error.message, { cause: error, stage });
  }
}

function readHardware(input: JsonNode): readonly HardwareMeasurement[] {
  const list = input.optional('hardware_measurements')?.items() ?? [];
  return list.map((entry) => {
    entry.onlyNames('id', 'mrtd', 'rtmr0');
    return {
      id: entry.get('id').string(),
      mrtd: entry.get('mrtd').string(),
      rtmr0: entry.get('rtmr0').string(),
    };
  });
}

/** Whose word it is taken on. */
type Reference =
  | { readonly kind: 'sigstore'; readonly node: JsonNode }
  | { readonly kind: 'pinned'; readonly node: JsonNode };

/** One mode never stands in for another: without what the mode needs the input is refused. */
function findReference(input: JsonNode, mode: Mode): Reference {
  if (mode === 'pinned') {
    const node = input.optional('pinned_measurement');
    if (node) return { kind: 'pinned', node };
    throw new Rejection('MEASUREMENT_TYPE_UNKNOWN', 'Mode pinned needs pinned_measurement.');
  }
  const node = input.optional('sigstore');
  if (node) return { kind: 'sigstore', node };
  throw new Rejection('BUNDLE_MALFORMED', `Mode ${mode} needs sigstore.`);
}

async function referenceMeasurement({ kind, node }: Reference, context: StageContext): Promise<RegisterSet> {
  if (kind === 'sigstore') return signedMeasurement(node, context);
  node.onlyNames('type', 'registers');
  const type = node.get('type').string();
  const registers = node
    .get('registers')
    .items()
    .map((register) => register.string());
  return within('verify-measurement', () => readRegisters({ type, registers }));
}

async function signedMeasurement(node: JsonNode, context: StageContext): Promise<RegisterSet> {
  const { measurement } = await within('verify-sigstore', () =>
    verifySigstore(withDefaults(node, context), context),
  );
  return within('verify-sigstore', () => {
    if (measurement === undefined)
      throw new Rejection('PREDICATE_MEASUREMENT_INVALID', 'The statement signs no measurement.');
    return readRegisters(measurement);
  });
}

const policyDefaults = {
  oidc_issuer: 'https://token.actions.githubusercontent.com',
  workflow_ref_prefix: 'refs/tags/',
  payload_type: 'application/vnd.in-toto+json',
};

/** Here policy and time may be left out; `verify-sigstore` has them all. */
function withDefaults(node: JsonNode, { now }: StageContext): JsonNode {
  const seconds = Math.floor(now.getTime() / 1000);
  const policy = { ...policyDefaults, ...membersOf(node.optional('policy')) };
  const whole = { verification_time_unix: seconds, ...membersOf(node), policy };
  return parseJson(JSON.stringify(whole), node.path, { maxBytes: Number.MAX_SAFE_INTEGER });
}

function membersOf(node: JsonNode | undefined): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(node?.names().map((name) => [name, node.get(name).value()]) ?? []);
}

interface Attested {
  readonly platform: 'sev-snp' | 'tdx';
  readonly measurement: RegisterSet;
}

async function attestedMeasurement(input: JsonNode, context: StageContext): Promise<Attested> {
  const sev = input.optional('attestation_sev');
  const tdx = input.optional('attestation_tdx');
  if (sev && tdx)
    throw new MalformedInput('attestation_sev and attestation_tdx: an enclave runs on one platform.');
  if (sev) {
    const { measurement } = await within('verify-attestation-sev', () => verifyAttestationSev(sev, context));
    return { platform: 'sev-snp', measurement: await readRegisters(measurement!) };
  }
  if (tdx) {
    const { measurement } = await within('verify-attestation-tdx', () => verifyTdx(tdx, context));
    return { platform: 'tdx', measurement: await readRegisters(measurement!) };
  }
  throw new Rejection('REPORT_FORMAT_UNSUPPORTED', 'There is no attestation: neither SEV-SNP nor TDX.', {
    stage: 'verify-full',
  });
}

/** Here collateral and time may be left out. Without collateral nobody can tell what the TCB is worth. */
function verifyTdx(node: JsonNode, context: StageContext): ReturnType<Stage> {
  if (!node.optional('collateral'))
    throw new Rejection('QV_RESULT_TERMINAL_UNSPECIFIED', 'The quote comes without collateral.');
  if (node.optional('expiration_check_date_unix')) return verifyAttestationTdx(node, context);
  const seconds = Math.floor(context.now.getTime() / 1000);
  const whole = { ...membersOf(node), expiration_check_date_unix: seconds };
  return verifyAttestationTdx(
    parseJson(JSON.stringify(whole), node.path, { maxBytes: Number.MAX_SAFE_INTEGER }),
    context,
  );
}

/** MRTD and RTMR0 are the platform's own: what is signed for several platforms cannot name them. */
function requireHardware(
  signed: RegisterSet,
  attested: RegisterSet,
  known: readonly HardwareMeasurement[],
): Promise<HardwareMeasurement> | undefined {
  if (signed.type !== predicateType.multiPlatform || attested.type !== predicateType.tdxGuest)
    return undefined;
  return rejecting(() => matchHardware(attested, known));
}

/** Registers that are no hexadecimal are a rejection here: they may come out of a signed statement. */
async function readRegisters(measurement: JsonValue): Promise<RegisterSet> {
  const { type, registers } = measurement as { type: string; registers: readonly string[] };
  return rejecting(() => {
    try {
      return parseRegisterSet(type, registers);
    } catch (cause) {
      if (!(cause instanceof BytesError)) throw cause;
      throw new Rejection('MEASUREMENT_MISMATCH', cause.message, { cause });
    }
  });
}

function jsonOf({ type, registers }: RegisterSet): JsonValue {
  return { type, registers };
}
