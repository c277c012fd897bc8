/** Signatures. */
import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import { concatBytes, parseDer } from '@vitrine/bytes';
import { derInteger, derNull, derSequence } from '@vitrine/bytes/der-writer';
import { type KeyKind, type SigningKey, generateKey } from '@vitrine/simtee/authority';
import { parseSignatureAlgorithm } from '../src/algorithm.ts';
import { type Signed, ecdsaFromDer, isSignedBy, parsePublicKey, verifyEcdsa } from '../src/index.ts';
import { ed25519Key } from './hierarchy.ts';

const data = Uint8Array.of(1, 2, 3);
const keyOf = ({ subjectPublicKeyInfo }: SigningKey) => ({
  subjectPublicKeyInfo,
  publicKey: parsePublicKey(parseDer(subjectPublicKeyInfo, 'key')),
});
const signedBy = async (key: SigningKey): Promise<Signed> => ({
  tbs: data,
  signatureAlgorithm: parseSignatureAlgorithm(parseDer(key.algorithmIdentifier, 'algorithm')),
  signature: await key.sign(data),
});
const keys: Readonly<Record<string, () => Promise<SigningKey>>> = {
  'P-256': () => generateKey('P-256'),
  'P-384': () => generateKey('P-384'),
  'RSA-PSS': () => generateKey('RSA-PSS-2048'),
  'RSA PKCS #1': () => generateKey('RSA-PKCS1-2048'),
  Ed25519: ed25519Key,
};

for (const [kind, make] of Object.entries(keys))
  describe(`a signature by ${kind}`, () => {
    test('verifies under its own key, over its own bytes, and not otherwise', async () => {
      const [key, other] = [await make(), await make()];
      const signed = await signedBy(key);
      assert.equal(await isSignedBy(signed, keyOf(key)), true);
      assert.equal(await isSignedBy(signed, keyOf(other)), false);
      assert.equal(await isSignedBy({ ...signed, tbs: Uint8Array.of(1, 2, 4) }, keyOf(key)), false);
      assert.equal(await isSignedBy({ ...signed, tbs: new Uint8Array(0) }, keyOf(key)), false);
    });

    test('of another length does not verify', async () => {
      const key = await make();
      const signed = await signedBy(key);
      for (const signature of [
        new Uint8Array(0),
        Uint8Array.of(0),
        signed.signature.subarray(1),
        signed.signature.subarray(0, -1),
        concatBytes(signed.signature, Uint8Array.of(0)),
        concatBytes(Uint8Array.of(0), signed.signature),
        new Uint8Array(signed.signature.length),
        new Uint8Array(signed.signature.length).fill(0xff),
      ])
        assert.equal(await isSignedBy({ ...signed, signature }, keyOf(key)), false);
    });

    test('of another algorithm is refused, or does not verify', async () => {
      const key = await make();
      for (const otherKind of Object.keys(keys).filter((other) => other !== kind)) {
        const signed = await signedBy(await keys[otherKind]!());
        const outcome = await isSignedBy(signed, keyOf(key)).catch(
          (error: unknown) => (error as { code: string }).code,
        );
        assert.ok(
          outcome === false || outcome === 'ALGORITHM_UNSUPPORTED',
          `${otherKind}: ${String(outcome)}`,
        );
      }
    });

    test('with an algorithm that is not supported is refused', async () => {
      const key = await make();
      const signed = await signedBy(key);
      const unsupported = { ...signed, signatureAlgorithm: { name: 'unsupported', oid: '1.2.3' } } as const;
      await assert.rejects(isSignedBy(unsupported, keyOf(key)), { code: 'ALGORITHM_UNSUPPORTED' });
    });
  });

describe('RSA', () => {
  test('a salt of another length does not verify, also one that the key has no room for', async () => {
    const key = await generateKey('RSA-PSS-2048');
    const signed = await signedBy(key);
    for (const saltLengthBytes of [0, 32, 47, 49, 64, 205, 206, 207, 512]) {
      const signatureAlgorithm = { name: 'RSA-PSS', hash: 'SHA-384', saltLengthBytes } as const;
      assert.equal(await isSignedBy({ ...signed, signatureAlgorithm }, keyOf(key)), false);
    }
  });

  test('another hash does not verify', async () => {
    for (const kind of ['RSA-PSS-2048', 'RSA-PKCS1-2048'] satisfies KeyKind[]) {
      const key = await generateKey(kind);
      const signed = await signedBy(key);
      const signatureAlgorithm = {
        ...signed.signatureAlgorithm,
        hash: 'SHA-512',
      } as Signed['signatureAlgorithm'];
      assert.equal(await isSignedBy({ ...signed, signatureAlgorithm }, keyOf(key)), false);
    }
  });

  test('keys that are too small or too large are refused', async () => {
    const key = await generateKey('RSA-PKCS1-2048');
    const signed = await signedBy(key);
    for (const modulusBits of [0, 1024, 2047, 8193]) {
      const small = { ...keyOf(key), publicKey: { kind: 'rsa', modulusBits } as const };
      await assert.rejects(isSignedBy(signed, small), { code: 'ALGORITHM_UNSUPPORTED' });
    }
  });
});

describe('ECDSA', () => {
  test('r ‖ s verifies as long as a coordinate each, by a point on the curve', async () => {
    const key = await generateKey('P-384');
    const signature = await key.signRaw(data);
    const own = { curve: 'P-384', point: key.point } as const;
    assert.equal(await verifyEcdsa(own, 'SHA-384', signature, data), true);
    assert.equal(await verifyEcdsa(own, 'SHA-256', signature, data), false);
    assert.equal(await verifyEcdsa(own, 'SHA-384', signature.subarray(1), data), false);
    assert.equal(await verifyEcdsa(own, 'SHA-384', concatBytes(signature, Uint8Array.of(0)), data), false);
    assert.equal(await verifyEcdsa({ ...own, curve: 'P-256' }, 'SHA-384', signature, data), false);
    const points = {
      'not on the curve': key.point.map((byte, at) => (at === 96 ? byte ^ 1 : byte)),
      zero: Uint8Array.from({ length: 97 }, (_, at) => (at === 0 ? 4 : 0)),
      'at infinity': Uint8Array.of(0),
      compressed: concatBytes(Uint8Array.of(2 + (key.point[96]! & 1)), key.point.subarray(1, 49)),
      hybrid: concatBytes(Uint8Array.of(6 + (key.point[96]! & 1)), key.point.subarray(1)),
      cut: key.point.subarray(0, -1),
      none: new Uint8Array(0),
    };
    for (const [what, point] of Object.entries(points))
      assert.equal(await verifyEcdsa({ ...own, point }, 'SHA-384', signature, data), false, what);
  });

  test('r or s of zero or of the order does not verify', async () => {
    const key = await generateKey('P-256');
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    for (const [r, s] of [
      [0n, 0n],
      [0n, 1n],
      [1n, 0n],
      [order, 1n],
      [1n, order],
      [order + 1n, order + 1n],
    ] as const) {
      const signature = derSequence(derInteger(r), derInteger(s));
      assert.equal(await isSignedBy({ ...(await signedBy(key)), signature }, keyOf(key)), false);
    }
  });

  test('a DER value becomes r ‖ s, filled up with zeros', () => {
    const raw = ecdsaFromDer(derSequence(derInteger(1), derInteger(2n ** 255n)), 32)!;
    assert.equal(raw.length, 64);
    assert.equal(raw[31], 1);
    assert.equal(raw[32], 0x80);
  });

  const one = derInteger(1);
  const refused = {
    nothing: new Uint8Array(0),
    'a negative r': derSequence(derInteger(-1), one),
    'a negative s': derSequence(one, derInteger(-1)),
    'a padded r': Uint8Array.of(0x30, 7, 2, 2, 0, 1, 2, 1, 1),
    'an r that is too long': derSequence(derInteger(2n ** 256n), one),
    'one integer': derSequence(one),
    'three integers': derSequence(one, one, one),
    'bytes after it': concatBytes(derSequence(one, one), derNull()),
    'a length in the long form': Uint8Array.of(0x30, 0x81, 6, 2, 1, 1, 2, 1, 1),
    'an indefinite length': Uint8Array.of(0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0),
  };
  for (const [what, der] of Object.entries(refused))
    test(`${what} is no signature`, () => {
      assert.equal(ecdsaFromDer(der, 32), undefined);
    });
});

describe('a platform that lacks an algorithm', () => {
  const lacking = (t: TestContext, error: Error): void =>
    void t.mock.method(crypto.subtle, 'importKey', () => Promise.reject(error));
  const notSupported = new DOMException('Unrecognized name.', 'NotSupportedError');

  const bySomeone = async (): Promise<Parameters<typeof isSignedBy>> => {
    const key = await ed25519Key();
    return [await signedBy(key), keyOf(key)];
  };

  test('is said to lack it: nothing is known of the signature', async (t) => {
    const signed = await bySomeone();
    lacking(t, notSupported);
    await assert.rejects(isSignedBy(...signed), { name: 'X509Error', code: 'PLATFORM_LACKS_ALGORITHM' });
  });

  test('is not excused where the key itself is bad', async (t) => {
    const signed = await bySomeone();
    lacking(t, new DOMException('Invalid key.', 'DataError'));
    await assert.rejects(isSignedBy(...signed), { name: 'X509Error', code: 'ALGORITHM_UNSUPPORTED' });
  });

  test('is said to lack a curve', async (t) => {
    lacking(t, notSupported);
    const key = { curve: 'P-521', point: Uint8Array.of(4, ...new Uint8Array(132)) } as const;
    const verified = verifyEcdsa(key, 'SHA-512', new Uint8Array(132), new Uint8Array(1));
    await assert.rejects(verified, { name: 'X509Error', code: 'PLATFORM_LACKS_ALGORITHM' });
  });

  test('is not excused where a point is not on its curve: that verifies nothing', async (t) => {
    lacking(t, new DOMException('Invalid key.', 'DataError'));
    const key = { curve: 'P-256', point: Uint8Array.of(4, ...new Uint8Array(64)) } as const;
    assert.equal(await verifyEcdsa(key, 'SHA-256', new Uint8Array(64), new Uint8Array(1)), false);
  });
});
