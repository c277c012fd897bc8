/** A simulated platform that the suites share: made once, since keys are new at each run. */
import { type TdxCollateral, type TdxEvidence, authenticateTdx } from '@vitrine/evidence/tdx';
import {
  type TdxAuthority,
  type TdxCollateralRequest,
  type TdxPlatform,
  type TdxPlatformRequest,
  type TdxQuoteRequest,
  createTdxAuthority,
  createTdxPlatform,
  issueTdxCollateral,
  issueTdxQuote,
} from '@vitrine/simtee';

export const now = new Date('2025-01-10T00:00:00Z');

export interface Simulated {
  readonly authority: TdxAuthority;
  readonly platform: TdxPlatform;
}

let made: Promise<Simulated> | undefined;

export function simulated(): Promise<Simulated> {
  made ??= make();
  return made;
}

async function make(): Promise<Simulated> {
  const authority = await createTdxAuthority();
  return { authority, platform: await createTdxPlatform(authority) };
}

export interface EvidenceRequest {
  readonly quote?: TdxQuoteRequest;
  readonly collateral?: TdxCollateralRequest;
  readonly platform?: TdxPlatformRequest;
}

/** Evidence that is good but for what is asked. */
export async function evidenceOf(
  request: EvidenceRequest = {},
): Promise<TdxEvidence & { quote: Uint8Array; collateral: Required<TdxCollateral> }> {
  const { authority, platform: shared } = await simulated();
  const platform = request.platform ? await createTdxPlatform(authority, request.platform) : shared;
  const [quote, collateral] = await Promise.all([
    issueTdxQuote(platform, request.quote),
    issueTdxCollateral(authority, platform, request.collateral),
  ]);
  return { quote, collateral, anchors: [authority.root.certificate], now };
}

export async function authenticated(request: EvidenceRequest = {}) {
  return authenticateTdx(await evidenceOf(request));
}

/** A copy without some members. */
export function without<T extends object, K extends keyof T>(object: T, ...names: readonly K[]): Omit<T, K> {
  const rest = Object.entries(object).filter(([name]) => !names.some((one) => one === name));
  return Object.fromEntries(rest) as Omit<T, K>;
}
