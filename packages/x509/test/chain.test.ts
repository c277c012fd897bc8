/** Certification paths. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { derBitString, derBoolean, derInteger, derNull, derSequence } from '@vitrine/bytes/der-writer';
import { authorityExtensions, generateKey, signerExtensions } from '@vitrine/simtee/authority';
import {
  type Certificate,
  type ChainOptions,
  extensionOid,
  requireIssued,
  requireValidAt,
  verifyChain,
} from '../src/index.ts';
import { type Holder, below, from, issue, noTime, now, root, to } from './hierarchy.ts';

const authority = await root('P-384');
const middle = await below(authority, 'Middle', { extensions: authorityExtensions() });
const leaf = await below(middle, 'Leaf');
const stranger = await root('P-384');
const options: ChainOptions = { anchors: [authority.certificate], now, what: 'test chain' };
const chain = [leaf.certificate, middle.certificate, authority.certificate];

const verify = (certificates: readonly Certificate[], other: Partial<ChainOptions> = {}) =>
  verifyChain(certificates, { ...options, ...other });
const refused = (promise: Promise<unknown>, code: string, chainIndex?: number) =>
  assert.rejects(promise, { name: 'X509Error', code, chainIndex });
/** A chain through another middle. */
const through = async (extensions: Parameters<typeof below>[2]): Promise<Certificate[]> => {
  const other: Holder = await below(authority, 'Middle', extensions);
  return [(await below(other, 'Leaf')).certificate, other.certificate, authority.certificate];
};

describe('a chain', () => {
  test('up to an anchor is accepted', async () => {
    await verify(chain);
    await verify([authority.certificate]);
    await verify([leaf.certificate, middle.certificate], {
      anchors: [stranger.certificate, middle.certificate],
    });
  });

  test('is accepted in its first and its last second, and not a millisecond beyond', async () => {
    await verify(chain, { now: from });
    await verify(chain, { now: to });
    await refused(verify(chain, { now: new Date(from.getTime() - 1) }), 'NOT_YET_VALID', 0);
    await refused(verify(chain, { now: new Date(to.getTime() + 1) }), 'EXPIRED', 0);
  });

  test('is refused at a time that is no time', async () => {
    await refused(verify(chain, { now: noTime }), 'EXPIRED', 0);
    await refused(verify(chain, { now: noTime, anchorMustBeValid: false }), 'EXPIRED', 0);
  });

  test('of none, or of more than ten, is refused', async () => {
    await refused(verify([]), 'CHAIN_LENGTH');
    await refused(verify(Array<Certificate>(11).fill(authority.certificate)), 'CHAIN_LENGTH');
  });

  test('that ends elsewhere is refused, also by an anchor of the same name', async () => {
    await refused(verify([leaf.certificate, middle.certificate]), 'ROOT_UNTRUSTED', 1);
    await refused(verify([leaf.certificate, middle.certificate, stranger.certificate]), 'ROOT_UNTRUSTED', 2);
    await refused(verify(chain, { anchors: [stranger.certificate] }), 'ROOT_UNTRUSTED', 2);
    await refused(verify(chain, { anchors: [] }), 'ROOT_UNTRUSTED', 2);
  });

  test('to an anchor that did not sign it is refused, though the name is the same', async () => {
    const certificates = [leaf.certificate, middle.certificate, stranger.certificate];
    await refused(verify(certificates, { anchors: [stranger.certificate] }), 'SIGNATURE_INVALID', 1);
  });

  test('to the anchor’s name and key in another certificate is refused', async () => {
    const again = await issue(authority, {
      ...authority,
      extensions: authorityExtensions(),
      serialNumber: 9,
    });
    await refused(verify([leaf.certificate, middle.certificate, again]), 'ROOT_UNTRUSTED', 2);
  });

  test('out of order, or with a gap, is refused', async () => {
    await refused(verify([middle.certificate, leaf.certificate, authority.certificate]), 'NOT_A_CA', 1);
    await refused(verify([leaf.certificate, authority.certificate]), 'NAME_MISMATCH', 0);
    await refused(
      verify([leaf.certificate, middle.certificate, middle.certificate, authority.certificate]),
      'NAME_MISMATCH',
      1,
    );
  });

  test('through a certificate that has expired, or is not valid yet, is refused', async () => {
    await refused(verify(await through({ extensions: authorityExtensions(), notAfter: from })), 'EXPIRED', 1);
    await refused(
      verify(await through({ extensions: authorityExtensions(), notBefore: to })),
      'NOT_YET_VALID',
      1,
    );
  });

  test('to an anchor out of date is accepted where the caller says so, and only the anchor', async () => {
    const old = await issue(authority, { ...authority, extensions: authorityExtensions(), notAfter: from });
    const certificates = [leaf.certificate, middle.certificate, old];
    await refused(verify(certificates, { anchors: [old] }), 'EXPIRED', 2);
    await verify(certificates, { anchors: [old], anchorMustBeValid: false });
    await refused(
      verify(certificates, { anchors: [old], anchorMustBeValid: false, now: new Date(to.getTime() + 1000) }),
      'EXPIRED',
      0,
    );
  });

  test('through a signer that is no authority is refused', async () => {
    await refused(verify(await through({ extensions: signerExtensions() })), 'NOT_A_CA', 1);
    await refused(verify(await through({ extensions: [] })), 'NOT_A_CA', 1);
    const plain = await issue(authority, { ...authority, extensions: [] });
    await refused(verify([middle.certificate, plain], { anchors: [plain] }), 'NOT_A_CA', 1);
  });

  const constraints = (value: Uint8Array) => ({ oid: extensionOid.basicConstraints, critical: true, value });
  const keyUsage = (byte: number, unused: number) => ({
    oid: extensionOid.keyUsage,
    critical: true,
    value: derBitString(Uint8Array.of(byte), unused),
  });

  test('through an authority whose key may not sign certificates is refused', async () => {
    const ca = constraints(derSequence(derBoolean(true)));
    await refused(verify(await through({ extensions: [ca, keyUsage(0x02, 1)] })), 'KEY_USAGE_INVALID', 1);
    await refused(verify(await through({ extensions: [ca, keyUsage(0x80, 7)] })), 'KEY_USAGE_INVALID', 1);
    await verify(await through({ extensions: [ca, keyUsage(0x04, 2)] }));
    await verify(await through({ extensions: [ca] }));
  });

  test('through malformed constraints is refused', async () => {
    for (const value of [
      derNull(),
      derSequence(derBoolean(false)),
      derSequence(derBoolean(true), derInteger(-1)),
    ])
      await refused(verify(await through({ extensions: [constraints(value)] })), 'CERTIFICATE_MALFORMED', 1);
  });

  test('longer than an authority allows is refused', async () => {
    await verify(await through({ extensions: authorityExtensions(0) }));
    const short = await below(authority, 'Short', { extensions: authorityExtensions(0) });
    const under = await below(short, 'Under', { extensions: authorityExtensions() });
    const end = await below(under, 'End');
    const certificates = [end.certificate, under.certificate, short.certificate, authority.certificate];
    await refused(verify(certificates), 'PATH_TOO_LONG', 2);
    // One authority below is what a length of zero forbids, not a leaf that could be one.
    await verify(certificates.slice(1));
  });

  test('with a critical extension that nobody knows is refused, wherever it is', async () => {
    const unknown = { oid: '1.2.3.4', critical: true, value: derNull() };
    const odd = await below(middle, 'Odd', { extensions: [unknown] });
    const certificates = [odd.certificate, middle.certificate, authority.certificate];
    await refused(verify(certificates), 'CRITICAL_EXTENSION_UNKNOWN', 0);
    await verify(certificates, { knownExtensions: ['1.2.3.4'] });
    await refused(verify(certificates, { knownExtensions: ['1.2.3'] }), 'CRITICAL_EXTENSION_UNKNOWN', 0);
    await refused(
      verify(await through({ extensions: [...authorityExtensions(), unknown] })),
      'CRITICAL_EXTENSION_UNKNOWN',
      1,
    );
    const nameConstraints = { oid: '2.5.29.30', critical: true, value: derSequence() };
    await refused(
      verify(await through({ extensions: [...authorityExtensions(), nameConstraints] })),
      'CRITICAL_EXTENSION_UNKNOWN',
      1,
    );
    await verify([
      (await below(middle, 'Odd', { extensions: [{ ...unknown, critical: false }] })).certificate,
      ...chain.slice(1),
    ]);
  });

  test('whose leaf someone else signed in the name of its issuer is refused', async () => {
    const key = await generateKey('P-256');
    const forged = await issue({ name: middle.name, key }, leaf);
    await refused(verify([forged, ...chain.slice(1)]), 'SIGNATURE_INVALID', 0);
    await assert.rejects(requireIssued(forged, middle.certificate, 'x'), { code: 'SIGNATURE_INVALID' });
    await assert.rejects(requireIssued(leaf.certificate, authority.certificate, 'x'), {
      code: 'NAME_MISMATCH',
    });
  });

  test('whose algorithm does not go with the issuer’s key is refused, with its index', async () => {
    const rsa = await root('RSA-PKCS1-2048');
    const certificates = [middle.certificate, rsa.certificate];
    await refused(verify(certificates, { anchors: [rsa.certificate] }), 'ALGORITHM_UNSUPPORTED', 0);
  });

  test('names the chain, the certificate and the time in its refusal', () => {
    assert.throws(() => requireValidAt(leaf.certificate, noTime, 'leaf'), {
      code: 'EXPIRED',
      message: /^leaf: C=DE, CN=Leaf is valid until 2026-01-01.*not a time/,
    });
  });
});
