/** Bits, bytes and lengths: whatever is signed may not change, whatever is hostile may not crash. */
import { fromBase64, toBase64, utf8 } from '@vitrine/bytes';
import {
  type TrustedRoot,
  authenticateBundle,
  identityOf,
  parseSigstoreBundle,
  parseStatement,
  parseTimestamp,
  parseTrustedRoot,
} from '@vitrine/provenance/sigstore';
import { parseCertificate } from '@vitrine/x509';
import { parseSignedNote } from '../../src/signed-note.ts';
import { fuzz, randomNumbers, withBitFlipped } from '../../../evidence/test/mutation.ts';
import { type Case, type Suite, ExpectationError, codeOf } from '../../../evidence/test/suite.ts';
import { later, release, simulated, statementFor } from './release.ts';

type Json = Record<string, unknown>;

/** A part of a bundle: its bytes, and the bundle with others in their place. */
interface Part {
  readonly name: string;
  readonly read: (bundle: Json) => Uint8Array;
  readonly write: (bundle: Json, bytes: Uint8Array) => void;
}

function holder(bundle: Json, path: readonly (string | number)[]): Record<string | number, unknown> {
  return path.reduce<unknown>((node, name) => (node as Json)[name], bundle) as Record<
    string | number,
    unknown
  >;
}

/** A member of base64. */
function base64Part(name: string, ...path: readonly (string | number)[]): Part {
  const last = path.at(-1)!;
  return {
    name,
    read: (bundle) => fromBase64(holder(bundle, path.slice(0, -1))[last] as string),
    write: (bundle, bytes) => (holder(bundle, path.slice(0, -1))[last] = toBase64(bytes)),
  };
}

const material = 'verificationMaterial';
const entry = [material, 'tlogEntries', 0] as const;
const proof = [...entry, 'inclusionProof'] as const;
const checkpointPath = [...proof, 'checkpoint'] as const;

const parts: readonly Part[] = [
  base64Part('payload', 'dsseEnvelope', 'payload'),
  base64Part('signature', 'dsseEnvelope', 'signatures', 0, 'sig'),
  base64Part('certificate', material, 'certificate', 'rawBytes'),
  base64Part('body of the log entry', ...entry, 'canonicalizedBody'),
  base64Part('log identity', ...entry, 'logId', 'keyId'),
  base64Part('signed entry timestamp', ...entry, 'inclusionPromise', 'signedEntryTimestamp'),
  base64Part('first hash of the proof', ...proof, 'hashes', 0),
  base64Part('last hash of the proof', ...proof, 'hashes', 2),
  base64Part('root hash', ...proof, 'rootHash'),
  base64Part('timestamp', material, 'timestampVerificationData', 'rfc3161Timestamps', 0, 'signedTimestamp'),
  {
    name: 'checkpoint',
    read: (bundle) => utf8(holder(bundle, checkpointPath)['envelope'] as string),
    // Bytes that are no UTF-8 become characters that a note may have, but the log did not sign.
    write: (bundle, bytes) => (holder(bundle, checkpointPath)['envelope'] = new TextDecoder().decode(bytes)),
  },
];

/** Damage that leaves the value the same: in DER of ECDSA signatures and in what nothing signs. */
async function mustRefuse(bundle: Json, trustedRoot: TrustedRoot, what: string): Promise<void> {
  try {
    await authenticateBundle({ bundle: JSON.stringify(bundle), trustedRoot, now: later });
  } catch (error) {
    if (codeOf(error) !== undefined) return;
    throw new ExpectationError(`${what}: an untyped error: ${String(error)}`, { cause: error });
  }
  throw new ExpectationError(`${what}: expected a refusal, but it was accepted`);
}

async function completeBundle(): Promise<{ readonly json: string; readonly trustedRoot: TrustedRoot }> {
  const sigstore = await simulated(1);
  const payload = await statementFor(utf8('x'));
  const json = await sigstore.signDsse({ ...release, payload, withTimestamp: true });
  return { json, trustedRoot: parseTrustedRoot(sigstore.trustedRootJson) };
}

const flips = parts.flatMap(({ name, read, write }): Case[] => {
  const flip = (choose: (bitCount: number) => readonly number[]) => async () => {
    const { json, trustedRoot } = await completeBundle();
    const original = read(JSON.parse(json) as Json);
    for (const bit of choose(original.length * 8)) {
      const bundle = JSON.parse(json) as Json;
      write(bundle, withBitFlipped(original, bit));
      await mustRefuse(bundle, trustedRoot, `${name}, bit ${bit}`);
    }
  };
  return [
    { name: `no bit of the ${name} may flip: 40 of them`, run: flip((count) => sampled(count, 40)) },
    { name: `no bit of the ${name} may flip: all`, onlyLong: true, run: flip(every) },
  ];
});

function sampled(count: number, wanted: number): number[] {
  const random = randomNumbers(count);
  return Array.from({ length: wanted }, () => random() % count);
}

function every(count: number): number[] {
  return Array.from({ length: count }, (_, bit) => bit);
}

const numbers: readonly (readonly [string, readonly (string | number)[], string])[] = [
  ['log index', [...entry, 'logIndex'], '1'],
  ['integrated time', [...entry, 'integratedTime'], '1748736003'],
  ['index of the leaf', [...proof, 'logIndex'], '0'],
  ['tree size', [...proof, 'treeSize'], '4'],
];

export const damage: Suite = {
  name: 'damage',
  cases: [
    ...flips,
    ...numbers.map(([name, path, value]) => ({
      name: `another ${name} is refused`,
      run: async () => {
        const { json, trustedRoot } = await completeBundle();
        const bundle = JSON.parse(json) as Json;
        holder(bundle, path.slice(0, -1))[path.at(-1)!] = value;
        await mustRefuse(bundle, trustedRoot, name);
      },
    })),
    {
      name: 'damaged bundles are answered, or refused with a typed error',
      run: async ({ long }) => {
        const { json, trustedRoot } = await completeBundle();
        const seeds = [utf8(json)];
        await fuzz(seeds, long ? 20_000 : 600, (bundle) => parseSigstoreBundle(bundle));
        await fuzz(seeds, long ? 2000 : 100, (bundle) =>
          authenticateBundle({ bundle, trustedRoot, now: later }),
        );
      },
    },
    {
      name: 'damaged trusted roots, statements and notes are answered, or refused with a typed error',
      run: async ({ long }) => {
        const { trustedRootJson } = await simulated(1);
        const count = long ? 10_000 : 300;
        await fuzz([utf8(trustedRootJson)], count, (bytes) => parseTrustedRoot(bytes));
        await fuzz([utf8(await statementFor(utf8('x')))], count, (bytes) => parseStatement(bytes));
        const note = utf8('log\n5\nAAAA\n\n\u2014 log AAAAAAAA\n');
        await fuzz([note], count, (bytes) => parseSignedNote(new TextDecoder().decode(bytes)));
      },
    },
    {
      name: 'damaged timestamps and certificates are answered, or refused with a typed error',
      run: async ({ long }) => {
        const { json } = await completeBundle();
        const { timestamps, signer } = parseSigstoreBundle(json);
        const count = long ? 30_000 : 1000;
        await fuzz(timestamps, count, (bytes) => parseTimestamp(bytes));
        if (signer.kind !== 'certificate') throw new ExpectationError('expected a certificate');
        await fuzz([signer.leaf.der], count, (bytes) => identityOf(parseCertificate(bytes)));
      },
    },
  ],
};
