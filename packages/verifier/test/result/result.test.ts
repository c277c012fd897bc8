/** The attestation result: results of simulated services, the schema, and what follows from what. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { exitStatusOf, verifyProof, writeProof } from '../../src/index.ts';
import { honestScene } from '../end-to-end/scene.ts';
import type { World } from '../end-to-end/world.ts';
import { type AnyResult, contradictions } from './contradictions.ts';
import { anchorsOf, gather } from './gathered.ts';
import { type Schema, isValid } from './json-schema.ts';
import { type NamedResult, makeResults, newWorld } from './results.ts';
import { type Mutable, type VectorList, damages, schemaPath, vectorsFolder } from './vectors.ts';

const schema = JSON.parse(readFileSync(schemaPath, 'utf8')) as Schema;
const list = JSON.parse(readFileSync(join(vectorsFolder, 'vectors.json'), 'utf8')) as VectorList;

/** "schema", "meaning", or nothing to say against it. */
function refusalOf(result: unknown): string | undefined {
  if (!isValid(result, schema)) return 'schema';
  return contradictions(result as AnyResult).length > 0 ? 'meaning' : undefined;
}

function vector(path: string): unknown {
  return JSON.parse(readFileSync(join(vectorsFolder, path), 'utf8')) as unknown;
}

describe('a result of a simulated service', () => {
  let world: World;
  let results: Readonly<Record<string, NamedResult>>;
  before(async () => {
    world = await newWorld();
    results = await makeResults(world);
  });

  test('has the verdict that it must have, as the schema and its checks say', () => {
    assert.ok(Object.keys(results).length > 10);
    for (const [name, { verdict, result }] of Object.entries(results)) {
      assert.equal(result.verdict, verdict, name);
      const json = JSON.parse(JSON.stringify(result)) as AnyResult;
      assert.ok(isValid(json, schema), `${name} is not as the schema says`);
      assert.deepEqual(contradictions(json), [], name);
    }
  });

  test('is called simulated exactly where evidence was authentic, since every root here is', () => {
    for (const [name, { result }] of Object.entries(results))
      assert.equal(result.simulated, result.hardware.cpu !== null, name);
  });

  test('is not verified under the roots of the vendors, and not called simulated', async () => {
    const { sigstore, ctLogs, tlsRoots } = await anchorsOf(world);
    const others = { sigstore, ctLogs, tlsRoots };
    const { result } = await gather({ world, scene: honestScene(world), anchors: others });
    assert.equal(result.verdict, 'failed');
    assert.equal(result.simulated, false);
    const codes = result.groups.flatMap(({ checks }) => checks.flatMap(({ code }) => code ?? []));
    assert.ok(codes.includes('ARK_UNTRUSTED') || codes.includes('ASK_INVALID'), codes.join());
    assert.ok(codes.includes('GPU_ROOT_UNTRUSTED'), codes.join());
  });

  test('is called simulated where only a device is, and where only the processor is', async () => {
    for (const without of ['snp', 'nvidia'] as const) {
      const anchors = { ...(await anchorsOf(world)), [without]: undefined };
      const { result } = await gather({ world, scene: honestScene(world), anchors });
      assert.equal(result.simulated, true, without);
      assert.equal(result.verdict, 'failed', without);
    }
  });

  test('ends with the first thing that was relied on', () => {
    const { validUntil } = results['verified-snp']!.result;
    assert.equal(validUntil, world.tls.certificate.notAfter.toISOString());
    const collateralEnds = world.now.getTime() + 29 * 86_400_000;
    assert.equal(results['verified-tdx']!.result.validUntil, new Date(collateralEnds).toISOString());
  });

  test('is the same, byte for byte, when its proof is replayed', async () => {
    const anchors = await anchorsOf(world);
    for (const dialect of ['vitrine', 'tinfoil-v3', 'tinfoil-v2', 'blyss'] as const) {
      const { result, proof } = await gather({ world, scene: honestScene(world, dialect) });
      const replayed = await verifyProof(await writeProof(proof), { anchors });
      assert.equal(JSON.stringify(replayed), JSON.stringify(result), dialect);
    }
  });

  test('shows no attested key where nothing binds it', () => {
    for (const [name, { result }] of Object.entries(results)) {
      const checks = result.groups.flatMap((group) => group.checks);
      const isBound = checks.some(({ rule, outcome }) => rule === 'runtime.binding' && outcome === 'pass');
      assert.equal(
        result.keys.tlsSpkiSha256 !== null || result.keys.tlsCertificateSha256 !== null,
        isBound,
        name,
      );
    }
  });

  test('has an exit status that only "verified" makes 0', () => {
    assert.deepEqual(
      (['verified', 'failed', 'not-checked'] as const).map((verdict) => exitStatusOf(verdict)),
      [0, 1, 3],
    );
  });
});

describe('the vectors of results', () => {
  test('are all listed, and every listed one is there', () => {
    for (const kind of ['good', 'bad'] as const)
      assert.deepEqual(readdirSync(join(vectorsFolder, kind)).sort(), Object.keys(list[kind]).sort());
    assert.deepEqual(
      Object.keys(list.bad).sort(),
      Object.keys(damages)
        .map((name) => `${name}.json`)
        .sort(),
    );
  });

  for (const [name, { why, verdict }] of Object.entries(list.good))
    test(`${name} is taken: ${why}`, () => {
      const result = vector(`good/${name}`);
      assert.equal(refusalOf(result), undefined);
      assert.equal((result as AnyResult).verdict, verdict);
    });

  for (const [name, { why, refusedBy }] of Object.entries(list.bad))
    test(`${name} is refused: ${why}`, () => assert.equal(refusalOf(vector(`bad/${name}`)), refusedBy));

  test('that are bad differ from a good one in one thing', () => {
    const good = vector('good/verified-pinned.json');
    for (const [name, { spoil }] of Object.entries(damages)) {
      const spoilt = structuredClone(good) as Mutable;
      spoil(spoilt);
      assert.deepEqual(vector(`bad/${name}.json`), spoilt, name);
    }
  });
});
