/** The launch digest (SEV-SNP ABI 56860, section 8.17.2): a chain of PAGE_INFO records, one for each page that is added. */
import { sha384 } from '@vitrine/bytes';
import { pageBytes } from './firmware.ts';

/** PAGE_INFO's PAGE_TYPE. */
export const pageType = {
  normal: 1,
  vmsa: 2,
  zero: 3,
  unmeasured: 4,
  secrets: 5,
  cpuid: 6,
} as const;
export type PageKind = keyof typeof pageType;

/** One record of the trace: what was added, and the digest from then on. */
export interface MeasuredPage {
  readonly kind: PageKind;
  /** Guest physical address. */
  readonly gpa: bigint;
  /** What it is: "firmware", "kernel hashes", "first processor". */
  readonly what: string;
  /** SHA-384 of the page's contents; zero where contents are not measured. */
  readonly contents: Uint8Array;
  readonly digest: Uint8Array;
}

const PAGE_INFO_BYTES = 0x70;
/** Where a VMSA page lies, whatever the hypervisor does. */
export const vmsaGpa = 0xfffffffff000n;
/** Contents are hashed so many pages at a time: enough to keep every core at it. */
const PAGES_AT_ONCE = 256;

export class LaunchDigest {
  #digest: Uint8Array;
  readonly pages: MeasuredPage[] = [];

  /** @param seed the digest after the firmware's pages, instead of 48 zeros */
  constructor(seed: Uint8Array = new Uint8Array(48)) {
    this.#digest = seed;
  }

  get value(): Uint8Array {
    return this.#digest;
  }

  /** Pages with contents, one after the other from an address. */
  async addContents(kind: 'normal' | 'vmsa', gpa: bigint, bytes: Uint8Array, what: string): Promise<void> {
    for (let at = 0; at < bytes.length; at += PAGES_AT_ONCE * pageBytes) {
      const batch = bytes.subarray(at, at + PAGES_AT_ONCE * pageBytes);
      const hashes = await Promise.all(
        Array.from({ length: batch.length / pageBytes }, (_, index) =>
          sha384(batch.subarray(index * pageBytes, (index + 1) * pageBytes)),
        ),
      );
      for (const [index, contents] of hashes.entries())
        await this.#add(kind, gpa + BigInt(at + index * pageBytes), contents, what);
    }
  }

  /** Pages whose contents are not measured. */
  async addBlank(
    kind: Exclude<PageKind, 'normal' | 'vmsa'>,
    gpa: bigint,
    sizeBytes: number,
    what: string,
  ): Promise<void> {
    for (let at = 0; at < sizeBytes; at += pageBytes)
      await this.#add(kind, gpa + BigInt(at), new Uint8Array(48), what);
  }

  async #add(kind: PageKind, gpa: bigint, contents: Uint8Array, what: string): Promise<void> {
    const info = new Uint8Array(PAGE_INFO_BYTES);
    const view = new DataView(info.buffer);
    info.set(this.#digest, 0);
    info.set(contents, 48);
    view.setUint16(96, PAGE_INFO_BYTES, true);
    view.setUint8(98, pageType[kind]);
    // 99: IMI_PAGE; 100 to 102: permissions of VMPL 3 to 1; 103: reserved; all zero.
    view.setBigUint64(104, gpa, true);
    this.#digest = await sha384(info);
    this.pages.push({ kind, gpa, what, contents, digest: this.#digest });
  }
}
