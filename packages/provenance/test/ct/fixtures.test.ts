/** Certificates, timestamps and lists that others made, each with the verdict that its source gives. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fromBase64, parsePem, sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { leafHash } from '@vitrine/provenance';
import {
  type Sct,
  authenticateScts,
  embeddedScts,
  findLog,
  leafIndexOf,
  merkleTreeLeaf,
  parseLogList,
  parseSct,
  precertEntry,
  precertSignedData,
  verifySct,
  x509Entry,
  x509SignedData,
} from '@vitrine/provenance/ct';
import { type Certificate, parseCertificate } from '@vitrine/x509';
import {
  fixture,
  fixtureCertificate,
  fixtureKey,
  fixtureText,
  fixturesFolder,
  withoutFixtures as skip,
} from './fixtures.ts';
import { verificationKey } from './keys.ts';
import { flipped } from './refusal.ts';

const goCt = (name: string) => `ct/go-ct/${name}`;

describe('the test log of certificate-transparency-go', { skip }, () => {
  const load = () => {
    const key = fixtureKey(goCt('log_public_key.pem'));
    const spki = fixtureCertificate(goCt('ca.pem')).subjectPublicKeyInfo;
    return { key, spki };
  };
  const sctOf = (name: string) => parseSct(fixture(goCt(name)));

  test('the timestamp of a certificate verifies, and its leaf hash is the known one', async () => {
    const certificate = fixtureCertificate(goCt('cert.pem'));
    const sct = sctOf('cert.sct');
    assert.equal(await verifySct(sct, x509SignedData(sct, certificate), load().key), true);
    const leaf = await leafHash(merkleTreeLeaf(sct, x509Entry(certificate)));
    assert.equal(toBase64(leaf), 'BKZLZGMbAnDW0gQWjNJNCyS2IgweWn76YW3tFlu3AuY=');
  });

  test('the timestamp of a precertificate verifies, and its leaf hash is the known one', async () => {
    const { key, spki } = load();
    const precertificate = fixtureCertificate(goCt('precert.pem'));
    const sct = sctOf('precert.sct');
    assert.equal(await verifySct(sct, await precertSignedData(sct, precertificate, spki), key), true);
    const leaf = await leafHash(merkleTreeLeaf(sct, await precertEntry(precertificate, spki)));
    assert.equal(toBase64(leaf), 'mbk+d5FDW3oNZJCbOi828rqC3hf+qhigTWVGcXEZq1U=');
  });

  test('the timestamp of another entry does not verify', async () => {
    const { key, spki } = load();
    const precertificate = fixtureCertificate(goCt('precert.pem'));
    const sct = sctOf('cert.sct');
    assert.equal(await verifySct(sct, await precertSignedData(sct, precertificate, spki), key), false);
    assert.equal(await verifySct(sct, x509SignedData(sct, precertificate), key), false);
  });

  test('the final certificate has the same entry as its precertificate', async () => {
    const { key, spki } = load();
    const certificate = fixtureCertificate(goCt('cert_embedded_sct.pem'));
    const [sct, ...others] = embeddedScts(certificate);
    assert.equal(others.length, 0);
    assert.deepEqual(sct, sctOf('precert.sct'));
    assert.equal(await verifySct(sct, await precertSignedData(sct, certificate, spki), key), true);
    assert.deepEqual(
      await precertEntry(certificate, spki),
      await precertEntry(fixtureCertificate(goCt('precert.pem')), spki),
    );
    assert.equal(sct.timestampMs, 1365181456275);
  });

  test('a timestamp whose signature does not verify is refused, embedded and beside the certificate', async () => {
    const { key, spki } = load();
    const certificate = fixtureCertificate(goCt('cert_embedded_sct_invalid.pem'));
    const [sct] = embeddedScts(certificate);
    assert.equal(await verifySct(sct!, await precertSignedData(sct!, certificate, spki), key), false);
    const invalid = sctOf('invalid.sct');
    const good = fixtureCertificate(goCt('cert_embedded_sct.pem'));
    assert.equal(await verifySct(invalid, await precertSignedData(invalid, good, spki), key), false);
  });

  test('another issuer key does not verify', async () => {
    const { key } = load();
    const certificate = fixtureCertificate(goCt('cert_embedded_sct.pem'));
    const [sct] = embeddedScts(certificate);
    const data = await precertSignedData(sct!, certificate, certificate.subjectPublicKeyInfo);
    assert.equal(await verifySct(sct!, data, key), false);
  });

  test('a list with the log judges each certificate', async () => {
    const { key } = load();
    const list = await parseLogList(
      utf8(
        JSON.stringify({
          version: '1',
          log_list_timestamp: '2013-04-05T00:00:00Z',
          operators: [
            {
              name: 'Test',
              logs: [
                {
                  description: 'Test tube',
                  log_id: toBase64(await sha256(key.subjectPublicKeyInfo)),
                  key: toBase64(key.subjectPublicKeyInfo),
                  url: 'https://log.test/',
                  mmd: 86400,
                  state: { usable: { timestamp: '2013-01-01T00:00:00Z' } },
                },
              ],
            },
          ],
        }),
      ),
    );
    const issuer = fixtureCertificate(goCt('ca.pem'));
    const verdictOf = async (name: string, now: string) => {
      const leaf = fixtureCertificate(goCt(name));
      const { scts } = await authenticateScts({ leaf, issuer, logList: list, now: new Date(now) });
      return scts.map(({ verdict }) => verdict);
    };
    assert.deepEqual(await verdictOf('cert_embedded_sct.pem', '2013-04-06T00:00:00Z'), ['valid']);
    assert.deepEqual(await verdictOf('cert_embedded_sct_invalid.pem', '2013-04-06T00:00:00Z'), [
      'signature-invalid',
    ]);
    assert.deepEqual(await verdictOf('cert_embedded_sct.pem', '2013-04-05T00:00:00Z'), ['in-future']);
    assert.deepEqual(await verdictOf('cert.pem', '2013-04-06T00:00:00Z'), []);
  });
});

describe('timestamps of public logs', { skip }, () => {
  for (const [day, timestampMs] of [
    ['2017-02-22', 1487726000774],
    ['2018-02-20', 1519141012781],
  ] as const) {
    test(`the signature of ${day} verifies, and no flipped bit of it or of what it signs`, async () => {
      const key = fixtureKey(`ct/real-sct/${day}/pubkey.pem`);
      const data = fixture(`ct/real-sct/${day}/signature_input.bin`);
      const signature = fixture(`ct/real-sct/${day}/signature.der`);
      assert.equal(Number(new DataView(data.buffer).getBigUint64(2)), timestampMs);
      const sct: Sct = {
        version: 0,
        logId: await sha256(key.subjectPublicKeyInfo),
        timestampMs,
        extensions: new Uint8Array(0),
        hash: 4,
        signatureAlgorithm: 3,
        signature,
      };
      assert.equal(await verifySct(sct, data, key), true);
      for (let bit = 0; bit < signature.length * 8; bit++)
        assert.equal(
          await verifySct({ ...sct, signature: flipped(signature, bit) }, data, key),
          false,
          `bit ${bit}`,
        );
      for (let bit = 0; bit < data.length * 8; bit += 61)
        assert.equal(await verifySct(sct, flipped(data, bit), key), false, `bit ${bit} of the data`);
      for (const wrong of [{ signatureAlgorithm: 1 }, { signatureAlgorithm: 2 }, { hash: 2 }, { hash: 5 }])
        assert.equal(await verifySct({ ...sct, ...wrong }, data, key), false);
    });
  }
});

describe('log lists', { skip }, () => {
  test("Google's list of 2025-05-05 is read whole, tiled logs too", async () => {
    const list = await parseLogList(fixture('ct/all_logs_list_v53.34_2025-05-05.json'));
    assert.equal(list.version, '53.34');
    assert.equal(list.timestamp.toISOString(), '2025-05-05T12:54:12.000Z');
    assert.deepEqual(list.skipped, []);
    const ofKind = (kind: string) => list.logs.filter((log) => log.kind === kind);
    assert.equal(ofKind('rfc6962').length, 175);
    assert.equal(ofKind('static-ct').length, 6);
    assert.equal(new Set(list.logs.map(({ operator }) => operator)).size, 21);
    for (const log of list.logs) {
      assert.deepEqual(log.logId, await sha256(log.key.subjectPublicKeyInfo));
      assert.match(log.url, /\/$/);
    }
  });

  test('the sample has six logs of which one has no key', async () => {
    const list = await parseLogList(fixture('ct/log_list_v3_sample.json'));
    assert.equal(list.logs.length, 5);
    assert.deepEqual(
      list.skipped.map(({ description }) => description),
      ["Google 'Racketeer' log"],
    );
    assert.deepEqual(
      list.logs.map(({ state }) => state?.name),
      ['readonly', 'usable', 'usable', 'qualified', 'retired'],
    );
    assert.equal(list.logs.at(-1)!.url, 'https://log.bob.io/');
  });

  test('the list of 2023 has authentic keys, and no log for a certificate of today', async () => {
    const old = JSON.parse(fixtureText('ct/log_list_consolidated_2023.json')) as Record<string, unknown[]>;
    const operators = Object.entries(old).map(([name, logs]) => ({ name, logs }));
    const json = { version: '2023', log_list_timestamp: '2023-12-31T00:00:00Z', operators };
    const list = await parseLogList(utf8(JSON.stringify(json)));
    assert.deepEqual([list.logs.length, list.skipped.length, operators.length], [31, 0, 5]);
    const ends = list.logs.flatMap(({ temporalInterval }) =>
      temporalInterval ? [temporalInterval.end] : [],
    );
    assert.equal(ends.length, 23);
    assert.ok(ends.every((end) => end <= new Date('2024-01-01T00:00:00Z')));
    const newest = await parseLogList(fixture('ct/all_logs_list_v53.34_2025-05-05.json'));
    // Those without an interval took any certificate, and are retired or read-only by 2025.
    const open = list.logs.filter(({ temporalInterval }) => !temporalInterval);
    const states = open.map(({ logId }) => findLog(newest, logId)?.state?.name);
    assert.equal(states.length, 8);
    assert.ok(states.every((state) => state !== 'usable' && state !== 'qualified'));
  });
});

interface Raw {
  readonly rawBytes: string;
}

interface Bundle {
  readonly verificationMaterial?: {
    readonly certificate?: Raw;
    readonly x509CertificateChain?: { readonly certificates: readonly Raw[] };
  };
}

interface Root {
  readonly ctlogs: readonly { readonly publicKey: Raw }[];
  readonly certificateAuthorities: readonly {
    readonly certChain: { readonly certificates: readonly Raw[] };
  }[];
}

describe('certificates of Fulcio', { skip }, () => {
  test('each timestamp of a log of the public-good root verifies, with the one issuer that is the right one', async () => {
    const root = await rootOf('anchors/sigstore/trusted_root.json');
    const seen = new Map<string, boolean>();
    for (const name of bundleFolders()) {
      const certificate = certificateOf(name);
      if (certificate) await judge(certificate, root, seen);
    }
    assert.equal(seen.size, 9);
    assert.ok([...seen.values()].every((isValid) => isValid));
  });

  test('a timestamp of a static-ct log verifies and says where its entry is', async () => {
    const folder = 'sigstore/bundle-verify/bundle-with-sct-with-extensions';
    const certificate = certificateOf('bundle-with-sct-with-extensions')!;
    const seen = new Map<string, boolean>();
    await judge(certificate, await rootOf(`${folder}/trusted_root.json`), seen);
    assert.deepEqual([...seen.values()], [true]);
    const [sct] = embeddedScts(certificate);
    assert.equal(sct!.extensions.length, 8);
    assert.ok(leafIndexOf(sct!) > 0n);
    assert.equal(toHex(sct!.extensions), `000005${leafIndexOf(sct!).toString(16).padStart(10, '0')}`);
  });

  async function rootOf(path: string) {
    const root = JSON.parse(fixtureText(path)) as Root;
    const keys = root.ctlogs.map(async ({ publicKey }) => {
      const key = verificationKey(fromBase64(publicKey.rawBytes));
      return [toHex(await sha256(key.subjectPublicKeyInfo)), key] as const;
    });
    const issuers = root.certificateAuthorities.flatMap(({ certChain }) =>
      certChain.certificates.map(({ rawBytes }) => parseCertificate(fromBase64(rawBytes))),
    );
    return { keys: new Map(await Promise.all(keys)), issuers };
  }

  /** By certificate: whether exactly one issuer's key makes its timestamp verify. */
  async function judge(
    certificate: Certificate,
    { keys, issuers }: Awaited<ReturnType<typeof rootOf>>,
    seen: Map<string, boolean>,
  ): Promise<void> {
    for (const sct of embeddedScts(certificate)) {
      const key = keys.get(toHex(sct.logId));
      if (!key) continue;
      const verdicts = await Promise.all(
        issuers.map(async ({ subjectPublicKeyInfo }) =>
          verifySct(sct, await precertSignedData(sct, certificate, subjectPublicKeyInfo), key),
        ),
      );
      seen.set(toHex(await sha256(certificate.der)), verdicts.filter(Boolean).length === 1);
    }
  }

  function bundleFolders(): string[] {
    return readdirSync(join(fixturesFolder, 'sigstore/bundle-verify'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'bundle-malformed-json_fail')
      .map(({ name }) => name);
  }

  function certificateOf(name: string): Certificate | undefined {
    const bundle = JSON.parse(fixtureText(`sigstore/bundle-verify/${name}/bundle.sigstore.json`)) as Bundle;
    const { certificate, x509CertificateChain } = bundle.verificationMaterial ?? {};
    const raw = certificate ?? x509CertificateChain?.certificates[0];
    return raw && parseCertificate(fromBase64(raw.rawBytes));
  }
});

describe('PEM of the fixtures', { skip }, () => {
  test('the authority is the issuer of the test certificates', () => {
    const pem = fixtureText(goCt('ca.pem')).replaceAll('----------BEGIN', '-----\n-----BEGIN');
    assert.ok(parsePem(pem).length >= 1);
    const issuer = fixtureCertificate(goCt('ca.pem'));
    assert.deepEqual(fixtureCertificate(goCt('cert.pem')).issuer.der, issuer.subject.der);
  });
});
