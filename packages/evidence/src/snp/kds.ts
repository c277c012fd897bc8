/** Addresses of AMD's key distribution service (VCEK specification 57230, section 4): strings, nothing is fetched. */
import { toHex } from '@vitrine/bytes';
import type { SnpProduct } from './product.ts';
import type { SnpTcb } from './tcb.ts';
import type { VekKind } from './vek.ts';

const HOST = 'https://kdsintf.amd.com';

/**
 * The VCEK of a chip for a TCB version.
 * @param chipId the report's 64 bytes; Turin is asked for by the first 8
 */
export function vcekUrl(product: SnpProduct, chipId: Uint8Array, tcb: SnpTcb): string {
  const hwid = toHex(product === 'Turin' ? chipId.subarray(0, 8) : chipId);
  return `${HOST}/vcek/v1/${product}/${hwid}?${splQuery(product, tcb)}`;
}

/** The VLEK of the provider that asks, for a TCB version: it answers to providers only. */
export function vlekUrl(product: SnpProduct, tcb: SnpTcb): string {
  return `${HOST}/vlek/v1/${product}/cert?${splQuery(product, tcb)}`;
}

/** PEM: the ASK or ASVK, then the ARK. */
export function certificateChainUrl(product: SnpProduct, kind: VekKind): string {
  return `${HOST}/${kind.toLowerCase()}/v1/${product}/cert_chain`;
}

/** DER of the ARK's revocation list: the distribution point that the ASK or ASVK names. */
export function crlUrl(product: SnpProduct, kind: VekKind): string {
  return `${HOST}/${kind.toLowerCase()}/v1/${product}/crl`;
}

function splQuery(product: SnpProduct, tcb: SnpTcb): string {
  const levels: [string, number][] = [
    ...(product === 'Turin' ? ([['fmcSPL', tcb.fmc ?? 0]] as [string, number][]) : []),
    ['blSPL', tcb.bootloader],
    ['teeSPL', tcb.tee],
    ['snpSPL', tcb.snp],
    ['ucodeSPL', tcb.microcode],
  ];
  return levels.map(([name, level]) => `${name}=${String(level).padStart(2, '0')}`).join('&');
}
