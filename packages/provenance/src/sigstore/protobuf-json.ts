/** What the JSON of protocol buffers has of its own: members that are null are absent, 64-bit integers are strings. */
import { BytesError, type JsonNode } from '@vitrine/bytes';

/** A member, or undefined where it is absent or null. */
export function member(node: JsonNode, name: string): JsonNode | undefined {
  const found = node.optional(name);
  return found?.isNull() ? undefined : found;
}

/** The items of a repeated field, none where it is absent. */
export function listOf(node: JsonNode, name: string, maxLength: number): JsonNode[] {
  return member(node, name)?.items(maxLength) ?? [];
}

/** A field of bytes that must not be empty: base64, padded. */
export function bytesOf(node: JsonNode, name: string): Uint8Array {
  const field = node.get(name);
  const bytes = field.base64();
  if (bytes.length === 0) throw new BytesError('JSON_SHAPE', `${field.path}: it is empty.`);
  return bytes;
}

/** An int64 that is not negative; 0 where it is absent. */
export function int64Of(node: JsonNode, name: string): bigint {
  const field = member(node, name);
  if (!field) return 0n;
  if (field.kind === 'number') return BigInt(field.integer(0));
  const text = field.string();
  const value = /^(0|[1-9]\d{0,18})$/.test(text) ? BigInt(text) : -1n;
  if (value < 0n || value >= 1n << 63n)
    throw new BytesError('JSON_SHAPE', `${field.path}: expected a number that is not negative.`);
  return value;
}
