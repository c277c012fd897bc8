/** One simulated hierarchy for all suites: its RSA keys take seconds to make. */
import {
  type AuthenticSnpReport,
  type SnpEvidence,
  type SnpProduct,
  type SnpTcb,
  authenticateSnp,
} from '@vitrine/evidence/snp';
import {
  type IssuedVek,
  type SnpAuthority,
  type SnpAuthorityKeys,
  type SnpReportRequest,
  type VcekRequest,
  createSnpAuthority,
  generateSnpAuthorityKeys,
} from '@vitrine/simtee';

export const now = new Date('2026-06-01T00:00:00Z');
export const measurement = new Uint8Array(48).fill(0x4d);
export const chipId = Uint8Array.from({ length: 64 }, (_, at) => 0x80 + at);
export const turinChipId = chipId.subarray(0, 8);
/** A level over 127, which takes two bytes in DER. */
export const tcb: SnpTcb = { bootloader: 10, tee: 1, snp: 27, microcode: 219 };
export const turinTcb: SnpTcb = { fmc: 3, ...tcb };

let keys: Promise<SnpAuthorityKeys> | undefined;
const authorities = new Map<SnpProduct, Promise<SnpAuthority>>();

export function authorityOf(product: SnpProduct): Promise<SnpAuthority> {
  let authority = authorities.get(product);
  if (!authority) {
    keys ??= generateSnpAuthorityKeys();
    authority = keys.then((made) => createSnpAuthority({ product, now, keys: made }));
    authorities.set(product, authority);
  }
  return authority;
}

export interface Scene {
  readonly product?: SnpProduct;
  readonly vcek?: Partial<VcekRequest>;
  readonly vlek?: { readonly cspId: string; readonly tcb?: SnpTcb };
  readonly report?: Partial<SnpReportRequest>;
  readonly evidence?: Partial<SnpEvidence>;
  /** Instead of the key whose certificate is given. */
  readonly signer?: IssuedVek;
}

const veks = new Map<string, Promise<IssuedVek>>();

/** Evidence of a simulated chip; sound where nothing else is asked for. */
export async function evidenceOf(scene: Scene = {}): Promise<SnpEvidence> {
  const { product = 'Genoa', report, vlek, signer } = scene;
  const authority = await authorityOf(product);
  const vek = await vekOf(authority, scene);
  const isTurin = product === 'Turin';
  const request: SnpReportRequest = {
    tcb: isTurin ? turinTcb : tcb,
    measurement,
    chipId: vlek ? new Uint8Array(0) : isTurin ? turinChipId : chipId,
    signingKey: vlek ? 'VLEK' : 'VCEK',
    ...report,
  };
  return {
    report: await authority.issueReport(request, (signer ?? vek).key),
    vek: vek.certificate.der,
    anchors: authority.anchors,
    now,
    ...scene.evidence,
  };
}

async function vekOf(authority: SnpAuthority, { vcek = {}, vlek }: Scene): Promise<IssuedVek> {
  const isTurin = authority.product === 'Turin';
  const level = isTurin ? turinTcb : tcb;
  if (vlek) return authority.issueVlek({ tcb: level, ...vlek });
  const issue = (): Promise<IssuedVek> =>
    authority.issueVcek({ chipId: isTurin ? turinChipId : chipId, tcb: level, ...vcek });
  if (Object.keys(vcek).length > 0) return issue();
  const made = veks.get(authority.product) ?? issue();
  veks.set(authority.product, made);
  return made;
}

export async function authenticScene(scene: Scene = {}): Promise<AuthenticSnpReport> {
  return authenticateSnp(await evidenceOf(scene));
}
