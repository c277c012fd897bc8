/** The TCB's status: platform, TDX module and quoting enclave matched to their levels, and converged (Intel QVL semantics). */
import { equalBytes, toHex } from '@vitrine/bytes';
import { tdxError } from './error.ts';
import type { SgxExtension } from './pck.ts';
import { type QeIdentity, equalMasked } from './qe-identity.ts';
import type { TdReport, TdxQuote } from './quote.ts';
import type {
  IsvTcbLevel,
  PlatformTcbLevel,
  TcbInfo,
  TcbLevelStatus,
  TcbVerdict,
  TdxModule,
  TdxModuleIdentity,
} from './tcb-info.ts';

/** NotSupported: no level is reached (Intel: TCB_NOT_SUPPORTED). */
export type TdxTcbStatus =
  | TcbLevelStatus
  | 'NotSupported'
  /** The module is current, but the TD was launched under an older one. */
  | 'TDRelaunchAdvised'
  | 'TDRelaunchAdvisedConfigurationNeeded';

/** Of one component; dates and advisories are those of the level that was reached. */
export interface ComponentTcb {
  readonly status: TcbLevelStatus | 'NotSupported';
  readonly tcbDate: Date | undefined;
  readonly advisoryIds: readonly string[];
}

export interface TdxTcb {
  readonly status: TdxTcbStatus | 'not-checked';
  /** Of platform, module and enclave together, each once, sorted. */
  readonly advisoryIds: readonly string[];
  /** The earliest of the levels that were reached. */
  readonly tcbDate: Date | undefined;
  readonly platform: ComponentTcb | undefined;
  /** undefined: the module has no version, its SVN is part of the platform's levels. */
  readonly module: ComponentTcb | undefined;
  readonly qe: ComponentTcb | undefined;
  readonly evaluationDataNumbers: {
    readonly tcbInfo: number | undefined;
    readonly qeIdentity: number | undefined;
  };
}

/** TD 1.0: one evaluation. TD 1.5: of the module at launch, and of the one that runs now. */
export function evaluateTcb(
  quote: TdxQuote,
  pck: SgxExtension,
  tcbInfo: TcbInfo,
  qeIdentity: QeIdentity,
): TdxTcb {
  const { body } = quote;
  const qe = matchIsvLevel(quote.qeReport.isvSvn, qeIdentity.tcbLevels);
  const launch = evaluateModule(body.teeTcbSvn, pck, tcbInfo, qe);
  const current = body.teeTcbSvn2 && evaluateModule(body.teeTcbSvn2, pck, tcbInfo, qe);
  const isRelaunchUseful = launch.module?.status === 'OutOfDate' && reachesLatest(body.teeTcbSvn2, tcbInfo);
  const reached = [launch.platform, launch.module, qe].filter((component) => component !== undefined);
  return {
    status: current ? withRelaunch(launch.status, current.status, isRelaunchUseful) : launch.status,
    advisoryIds: [...new Set(reached.flatMap(({ advisoryIds }) => advisoryIds))].sort(),
    tcbDate: earliest(reached),
    platform: launch.platform,
    module: launch.module,
    qe,
    evaluationDataNumbers: {
      tcbInfo: tcbInfo.tcbEvaluationDataNumber,
      qeIdentity: qeIdentity.tcbEvaluationDataNumber,
    },
  };
}

/**
 * The module that runs now is at least that of the highest levels, and so is the microcode loaded late (index 2): Intel QVL
 * compares with these, not with the level that is reached.
 */
function reachesLatest(teeTcbSvn2: Uint8Array | undefined, tcbInfo: TcbInfo): boolean {
  const [latest] = tcbInfo.tcbLevels;
  if (!teeTcbSvn2 || !latest) return false;
  const identity = moduleIdentity(teeTcbSvn2, tcbInfo);
  const moduleSvn = identity ? identity.tcbLevels[0]?.isvSvn : latest.tdxComponentSvns[0];
  return (
    moduleSvn !== undefined && teeTcbSvn2[0]! >= moduleSvn && teeTcbSvn2[2]! >= latest.tdxComponentSvns[2]!
  );
}

interface ModuleEvaluation {
  readonly status: TcbLevelStatus | 'NotSupported';
  readonly platform: ComponentTcb;
  readonly module: ComponentTcb | undefined;
}

function evaluateModule(
  teeTcbSvn: Uint8Array,
  pck: SgxExtension,
  tcbInfo: TcbInfo,
  qe: ComponentTcb,
): ModuleEvaluation {
  const platform = matchPlatformLevel(teeTcbSvn, pck, tcbInfo.tcbLevels);
  const identity = moduleIdentity(teeTcbSvn, tcbInfo);
  const module = identity && matchIsvLevel(teeTcbSvn[0]!, identity.tcbLevels);
  const status = converge([platform, ...(module ? [module] : []), qe].map((component) => component.status));
  return { status, platform, module };
}

/** The first level, from the highest down, of which no SVN is above the platform's. */
export function matchPlatformLevel(
  teeTcbSvn: Uint8Array,
  pck: SgxExtension,
  levels: readonly PlatformTcbLevel[],
): ComponentTcb {
  // With a version of its own the module has its own levels: indices 0 and 1 are its SVN and version.
  const firstTdxComponent = teeTcbSvn[1]! > 0 ? 2 : 0;
  return componentOf(
    levels.find(
      (level) =>
        level.sgxComponentSvns.every((svn, index) => svn <= pck.componentSvns[index]!) &&
        level.pceSvn <= pck.pceSvn &&
        level.tdxComponentSvns.every((svn, index) => index < firstTdxComponent || svn <= teeTcbSvn[index]!),
    ),
  );
}

/** The highest level that is not above the SVN. */
export function matchIsvLevel(isvSvn: number, levels: readonly IsvTcbLevel[]): ComponentTcb {
  return componentOf(levels.find((level) => level.isvSvn <= isvSvn));
}

function componentOf(level: TcbVerdict | undefined): ComponentTcb {
  return level
    ? { status: level.tcbStatus, tcbDate: level.tcbDate, advisoryIds: level.advisoryIds }
    : { status: 'NotSupported', tcbDate: undefined, advisoryIds: [] };
}

/** The identity of the module's version; undefined for a module without a version. */
function moduleIdentity(teeTcbSvn: Uint8Array, tcbInfo: TcbInfo): TdxModuleIdentity | undefined {
  const version = teeTcbSvn[1]!;
  if (version === 0) return undefined;
  const id = `TDX_${version.toString(16).toUpperCase().padStart(2, '0')}`;
  const identity = tcbInfo.tdxModuleIdentities.find((one) => one.id.toUpperCase() === id);
  if (identity) return identity;
  throw tdxError('TDX_MODULE_MISMATCH', `TCB info: it has no TDX module identity ${id}.`);
}

/** Signer and attributes of the module. @throws EvidenceError TDX_MODULE_MISMATCH */
export function requireModule(body: TdReport, tcbInfo: TcbInfo): void {
  const modules: (TdxModule | undefined)[] = [moduleIdentity(body.teeTcbSvn, tcbInfo) ?? tcbInfo.tdxModule];
  if (body.teeTcbSvn2) modules.push(moduleIdentity(body.teeTcbSvn2, tcbInfo));
  for (const module of modules) {
    if (!module) continue;
    if (!equalBytes(body.mrSignerSeam, module.mrSigner))
      throw tdxError(
        'TDX_MODULE_MISMATCH',
        `TDX module: expected MRSIGNERSEAM ${toHex(module.mrSigner)}, found ${toHex(body.mrSignerSeam)}.`,
      );
    if (!equalMasked(body.seamAttributes, module.attributes, module.attributesMask))
      throw tdxError(
        'TDX_MODULE_MISMATCH',
        `TDX module: expected SEAMATTRIBUTES ${toHex(module.attributes)}, found ${toHex(body.seamAttributes)}.`,
      );
  }
}

/** What is wrong with a component, each on its own. */
interface Faults {
  readonly outOfDate: boolean;
  readonly configuration: boolean;
  readonly swHardening: boolean;
}

const faults: Readonly<Record<Exclude<TcbLevelStatus, 'Revoked'>, Faults>> = {
  UpToDate: { outOfDate: false, configuration: false, swHardening: false },
  SWHardeningNeeded: { outOfDate: false, configuration: false, swHardening: true },
  ConfigurationNeeded: { outOfDate: false, configuration: true, swHardening: false },
  ConfigurationAndSWHardeningNeeded: { outOfDate: false, configuration: true, swHardening: true },
  OutOfDate: { outOfDate: true, configuration: false, swHardening: false },
  OutOfDateConfigurationNeeded: { outOfDate: true, configuration: true, swHardening: false },
};

/**
 * The status of all together: revoked if one is, out of date if one is, in need of configuration if one is. Software
 * hardening has no word of its own beside OutOfDate.
 */
export function converge(
  statuses: readonly (TcbLevelStatus | 'NotSupported')[],
): TcbLevelStatus | 'NotSupported' {
  if (statuses.includes('Revoked')) return 'Revoked';
  if (statuses.includes('NotSupported')) return 'NotSupported';
  const all = statuses.map((status) => faults[status as keyof typeof faults]);
  const configuration = all.some((one) => one.configuration);
  if (all.some((one) => one.outOfDate)) return configuration ? 'OutOfDateConfigurationNeeded' : 'OutOfDate';
  const swHardening = all.some((one) => one.swHardening);
  if (configuration) return swHardening ? 'ConfigurationAndSWHardeningNeeded' : 'ConfigurationNeeded';
  return swHardening ? 'SWHardeningNeeded' : 'UpToDate';
}

/**
 * Out of date at launch but not now, and the module is what was: a relaunch would help. Else the worse of the two. Intel
 * QVL does not look at the levels that the running module reaches: here they must be in order, and a revoked one is said.
 * @param isRelaunchUseful the module at launch is out of date, the one that runs now is the latest
 */
export function withRelaunch(
  launch: TcbLevelStatus | 'NotSupported',
  current: TcbLevelStatus | 'NotSupported',
  isRelaunchUseful: boolean,
): TdxTcbStatus {
  const isOutOfDate = launch === 'OutOfDate' || launch === 'OutOfDateConfigurationNeeded';
  if (!isOutOfDate || !isRelaunchUseful) return converge([launch, current]);
  switch (current) {
    case 'UpToDate':
    case 'SWHardeningNeeded':
      return launch === 'OutOfDate' ? 'TDRelaunchAdvised' : 'TDRelaunchAdvisedConfigurationNeeded';
    case 'ConfigurationNeeded':
    case 'ConfigurationAndSWHardeningNeeded':
      return 'TDRelaunchAdvisedConfigurationNeeded';
    default:
      return converge([launch, current]);
  }
}

function earliest(components: readonly ComponentTcb[]): Date | undefined {
  const times = components.flatMap(({ tcbDate }) => (tcbDate ? [tcbDate.getTime()] : []));
  return times.length > 0 ? new Date(Math.min(...times)) : undefined;
}
