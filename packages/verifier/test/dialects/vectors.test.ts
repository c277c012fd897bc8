/** The published vectors of the native document: the same as the generator writes, and read as they say. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { equalBytes, toHex, utf8 } from '@vitrine/bytes';
import {
  type EvidenceVector,
  evidenceVectorFolder,
  evidenceVectors,
  vectorText,
} from '../../../../scripts/evidence-vectors.ts';
import { parseDocument, parseVitrine } from '../../src/dialects/index.ts';
import { VerifierError } from '../../src/error.ts';
import { attestedIn } from './simulated.ts';

const files = readdirSync(evidenceVectorFolder).sort();

describe('a vector of the native document', () => {
  test('is what the generator writes, and none is missing', async () => {
    const vectors = await evidenceVectors();
    assert.deepEqual(files, [...vectors.keys()].map((name) => `${name}.json`).sort());
    for (const [name, vector] of vectors)
      assert.equal(
        readFileSync(new URL(`${name}.json`, evidenceVectorFolder), 'utf8'),
        vectorText(vector),
        name,
      );
  });

  for (const file of files) {
    const text = readFileSync(new URL(file, evidenceVectorFolder), 'utf8');
    const { title, document, expect } = JSON.parse(text) as EvidenceVector;
    test(`${file}: ${title}`, async () => {
      const bytes = utf8(document);
      if ('error' in expect) {
        await assert.rejects(parseVitrine(bytes), (error) => {
          assert.ok(error instanceof VerifierError);
          assert.equal(error.code, expect.error);
          assert.ok(error.message.includes(expect.about), error.message);
          return true;
        });
        return;
      }
      const presented = await parseVitrine(bytes);
      assert.deepEqual(await parseDocument(bytes), presented);
      const { binding, cpu, keys, devices, release } = presented;
      assert.deepEqual(
        {
          report_data: toHex(binding.expectedReportData),
          bound: equalBytes(binding.expectedReportData, attestedIn(cpu)),
          nonce: toHex(binding.nonce!),
          platform: cpu.platform,
          tls_spki_sha256: keys.tlsSpkiSha256,
          hpke_x25519: keys.hpkePublicKey ?? '',
          devices: devices.devices.map(({ id }) => id).join(' '),
          deployment_sha256: release.digest ?? '',
        },
        expect,
      );
    });
  }
});
