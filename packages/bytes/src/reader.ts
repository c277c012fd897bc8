/** Reads a fixed layout from its beginning to its exact end. */
import { BytesError } from './error.ts';

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  /** @param what names the structure in errors: "SNP report" */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  /** Bytes from the beginning. */
  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#advance(1, field));
  }

  /** Little-endian, as all without a suffix. */
  u16(field: string): number {
    return this.#view.getUint16(this.#advance(2, field), true);
  }

  u24(field: string): number {
    const at = this.#advance(3, field);
    return this.#view.getUint16(at, true) | (this.#view.getUint8(at + 2) << 16);
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#advance(4, field), true);
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#advance(8, field), true);
  }

  u16be(field: string): number {
    return this.#view.getUint16(this.#advance(2, field));
  }

  u32be(field: string): number {
    return this.#view.getUint32(this.#advance(4, field));
  }

  u64be(field: string): bigint {
    return this.#view.getBigUint64(this.#advance(8, field));
  }

  /** The next bytes: a view of the input, not a copy. */
  take(lengthBytes: number, field: string): Uint8Array {
    const at = this.#advance(lengthBytes, field);
    return this.#bytes.subarray(at, at + lengthBytes);
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.take(this.remaining, 'rest');
  }

  /** @throws BytesError TRAILING_DATA */
  end(): void {
    if (this.remaining > 0) {
      throw new BytesError(
        'TRAILING_DATA',
        `${this.#what}: expected its end at byte ${this.#at}, found ${this.remaining} more bytes.`,
      );
    }
  }

  /** @throws BytesError TRUNCATED */
  #advance(lengthBytes: number, field: string): number {
    const at = this.#at;
    if (!(Number.isInteger(lengthBytes) && lengthBytes >= 0 && lengthBytes <= this.#bytes.length - at)) {
      throw new BytesError(
        'TRUNCATED',
        `${this.#what}: ${field} needs ${lengthBytes} bytes at byte ${at}, ${this.#bytes.length - at} are left.`,
      );
    }
    this.#at = at + lengthBytes;
    return at;
  }
}
