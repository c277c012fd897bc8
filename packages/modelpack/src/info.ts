/** The `.info` file, `ROOT_OFFSET_UUID`: all that a deployment's `models[].mpk` needs to open a pack. */
import { PackError } from './error.ts';

export interface PackInfo {
  /** 64 lower-case hex digits. */
  readonly rootHash: string;
  /** Where the verity superblock begins; the tree begins 4096 bytes later. */
  readonly hashOffsetBytes: number;
  /** Lower case, with hyphens. */
  readonly uuid: string;
}

const FORM =
  /^([0-9a-f]{64})_([1-9][0-9]{0,15})_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

export function formatInfo({ rootHash, hashOffsetBytes, uuid }: PackInfo): string {
  return `${rootHash}_${hashOffsetBytes}_${uuid}`;
}

/** @throws PackError INFO_INVALID */
export function parseInfo(text: string): PackInfo {
  const [, rootHash, offset, uuid] = FORM.exec(text) ?? [];
  if (rootHash === undefined || offset === undefined || uuid === undefined) {
    throw new PackError(
      'INFO_INVALID',
      `Expected ROOT_OFFSET_UUID (64 lower-case hex digits, a byte offset, a UUID), found ${JSON.stringify(text.slice(0, 160))}.`,
    );
  }
  const hashOffsetBytes = Number(offset);
  if (hashOffsetBytes % 4096 !== 0 || !Number.isSafeInteger(hashOffsetBytes)) {
    throw new PackError('INFO_INVALID', `The offset ${offset} is not a multiple of 4096 bytes.`);
  }
  return { rootHash, hashOffsetBytes, uuid };
}
