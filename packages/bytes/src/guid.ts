/** GUIDs as UEFI keeps them (RFC 4122 fields, the first three little-endian; UEFI 2.10, appendix A). */
import { BytesError } from './error.ts';
import { fromHex, toHex } from './hex.ts';

const FIELD_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** 16 bytes → "8be4df61-93ca-11d2-aa0d-00e098032b8c". */
export function formatGuid(bytes: Uint8Array): string {
  if (bytes.length !== 16)
    throw new BytesError('GUID_INVALID', `A GUID has 16 bytes, found ${bytes.length}.`);
  const hex = toHex(Uint8Array.from(FIELD_ORDER, (at) => bytes[at]!));
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** @throws BytesError GUID_INVALID */
export function parseGuid(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
    throw new BytesError('GUID_INVALID', `"${text.slice(0, 60)}" is not a GUID.`);
  const fields = fromHex(text.replaceAll('-', ''));
  return Uint8Array.from(FIELD_ORDER, (at) => fields[at]!);
}
