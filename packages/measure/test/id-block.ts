/** ID blocks: made, verified, and refused with any bit of them wrong. */
import { toHex } from '@vitrine/bytes';
import {
  type IdBlock,
  type SignedIdBlock,
  createIdBlock,
  digestOfIdKey,
  parseIdBlock,
  verifyIdBlock,
} from '@vitrine/measure/snp';
import { fuzz, withBitFlipped } from '../../evidence/test/mutation.ts';
import { type Suite, expectEqual, expectRefused, expectTrue } from '../../evidence/test/suite.ts';

const refusals = ['ID_BLOCK_MALFORMED', 'ID_BLOCK_SIGNATURE_INVALID'] as const;
const block: IdBlock = {
  launchDigest: new Uint8Array(48).map((_, at) => at),
  familyId: new Uint8Array(16).fill(0xfa),
  imageId: new Uint8Array(16).fill(0x1d),
  guestSvn: 0xfffffffe,
  policy: 0x8000000000030000n,
};

function newKey(namedCurve = 'P-384') {
  return crypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, false, ['sign', 'verify']);
}

function flipped(signed: SignedIdBlock, part: keyof SignedIdBlock, bit: number): SignedIdBlock {
  return { ...signed, [part]: withBitFlipped(signed[part], bit) };
}

const bitsOf = (bytes: Uint8Array): number => bytes.length * 8;

export const idBlocks: Suite = {
  name: 'ID block',
  cases: [
    {
      name: 'an ID block verifies, says what it was made of, and names its keys as the report does',
      run: async () => {
        const [idKey, authorKey] = [await newKey(), await newKey()];
        const signed = await createIdBlock(block, { idKey, authorKey });
        const { idKeyDigest, authorKeyDigest, ...found } = await verifyIdBlock(signed);
        expectEqual(found, block);
        expectEqual(idKeyDigest, await digestOfIdKey(idKey.publicKey));
        expectEqual(authorKeyDigest, await digestOfIdKey(authorKey.publicKey));
        expectTrue(toHex(idKeyDigest) !== toHex(authorKeyDigest!), 'two keys, two digests');
      },
    },
    {
      name: 'fields stand at the offsets of the ABI, numbers little-endian',
      run: async () => {
        const idKey = await newKey();
        const { idBlock, idAuth } = await createIdBlock(block, { idKey });
        expectEqual(idBlock.length, 96);
        expectEqual(idBlock.subarray(0, 48), block.launchDigest);
        expectEqual(idBlock.subarray(0x30, 0x40), block.familyId);
        expectEqual(idBlock.subarray(0x40, 0x50), block.imageId);
        expectEqual(toHex(idBlock.subarray(0x50)), `01000000feffffff0000030000000080`);
        expectEqual(idAuth.length, 4096);
        expectEqual(toHex(idAuth.subarray(0, 8)), '0100000000000000');
        expectEqual(toHex(idAuth.subarray(0x240, 0x244)), '02000000');
        const point = new Uint8Array(await crypto.subtle.exportKey('raw', idKey.publicKey));
        expectEqual(idAuth.slice(0x244, 0x244 + 48).reverse(), point.slice(1, 49));
        expectEqual(idAuth.slice(0x28c, 0x28c + 48).reverse(), point.slice(49));
        const signature = new Uint8Array(96);
        signature.set(idAuth.slice(0x40, 0x40 + 48).reverse());
        signature.set(idAuth.slice(0x88, 0x88 + 48).reverse(), 48);
        const ecdsa = { name: 'ECDSA', hash: 'SHA-384' };
        const isSigned = await crypto.subtle.verify(
          ecdsa,
          idKey.publicKey,
          signature,
          new Uint8Array(idBlock),
        );
        expectTrue(isSigned, 'the ID key signed the block');
        expectTrue(
          idAuth.subarray(0x644).every((byte) => byte === 0),
          'no author key, no bytes of it',
        );
      },
    },
    {
      name: 'any flipped bit of the block is refused',
      run: async () => {
        const signed = await createIdBlock(block, { idKey: await newKey() });
        for (let bit = 0; bit < bitsOf(signed.idBlock); bit++)
          await expectRefused(() => verifyIdBlock(flipped(signed, 'idBlock', bit)), refusals, `bit ${bit}`);
      },
    },
    {
      name: 'any flipped bit of the authentication information is refused, with and without an author key',
      run: async () => {
        const [idKey, authorKey] = [await newKey(), await newKey()];
        for (const keys of [{ idKey }, { idKey, authorKey }]) {
          const signed = await createIdBlock(block, keys);
          for (let bit = 0; bit < bitsOf(signed.idAuth); bit++)
            await expectRefused(() => verifyIdBlock(flipped(signed, 'idAuth', bit)), refusals, `bit ${bit}`);
        }
      },
    },
    {
      name: 'an ID key that another author signed, and a block that another ID key signed, are refused',
      run: async () => {
        const [idKey, authorKey] = [await newKey(), await newKey()];
        const signed = await createIdBlock(block, { idKey, authorKey });
        const other = await createIdBlock(block, { idKey: await newKey(), authorKey: await newKey() });
        const transplanted = (from: number, to: number): SignedIdBlock => {
          const idAuth = new Uint8Array(signed.idAuth);
          idAuth.set(other.idAuth.subarray(from, to), from);
          return { ...signed, idAuth };
        };
        for (const [from, to] of [
          [0x040, 0x240],
          [0x240, 0x644],
          [0x680, 0x880],
          [0x880, 0xc84],
        ] as const)
          await expectRefused(() => verifyIdBlock(transplanted(from, to)), 'ID_BLOCK_SIGNATURE_INVALID');
      },
    },
    {
      name: 'every other length is refused, and any bytes get an answer or a typed error',
      run: async () => {
        const signed = await createIdBlock(block, { idKey: await newKey() });
        for (let size = 0; size <= 97; size++)
          if (size !== 96)
            await expectRefused(() => parseIdBlock(new Uint8Array(size)), 'ID_BLOCK_MALFORMED');
        for (const size of [0, 1, 4095, 4097])
          await expectRefused(
            () => verifyIdBlock({ ...signed, idAuth: new Uint8Array(size) }),
            'ID_BLOCK_MALFORMED',
          );
        await fuzz([signed.idBlock], 100_000, parseIdBlock);
      },
    },
    {
      name: 'fields out of range and keys of another curve are refused',
      run: async () => {
        const idKey = await newKey();
        const bad: readonly Partial<IdBlock>[] = [
          { launchDigest: new Uint8Array(47) },
          { familyId: new Uint8Array(17) },
          { imageId: new Uint8Array(0) },
          { guestSvn: -1 },
          { guestSvn: 2 ** 32 },
          { guestSvn: 0.5 },
          { policy: -1n },
          { policy: 1n << 64n },
        ];
        for (const part of bad)
          await expectRefused(() => createIdBlock({ ...block, ...part }, { idKey }), 'INPUT_INVALID');
        const onP256 = await newKey('P-256');
        await expectRefused(() => createIdBlock(block, { idKey: onP256 }), 'INPUT_INVALID');
        await expectRefused(() => createIdBlock(block, { idKey, authorKey: onP256 }), 'INPUT_INVALID');
      },
    },
  ],
};
