/** Whether a log kept its promise: proofs by hash and by tiles, and every way in which an answer can lie. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { concatBytes, utf8 } from '@vitrine/bytes';
import {
  type InclusionOutcome,
  type InclusionTarget,
  type Sct,
  appraiseInclusion,
  findLog,
  inclusionRequests,
  inclusionTargets,
  leafIndexOf,
  proveInclusion,
  verifyInclusion,
} from '@vitrine/provenance/ct';
import { type SimulatedCtLog, createCtLog } from '@vitrine/simtee/ct';
import { flipped, refuses } from './refusal.ts';
import { authenticated, issue, issuedAt, listOf, log, now } from './world.ts';

/** More than a tile, so that there are two levels and partial tiles. */
const STRANGERS = 300;

interface World {
  readonly classic: SimulatedCtLog;
  readonly tiled: SimulatedCtLog;
  readonly targets: readonly InclusionTarget[];
}

async function fill(one: SimulatedCtLog, count: number, name: string): Promise<void> {
  for (let at = 0; at < count; at++) await one.tree.append(utf8(`${name} ${at}`));
}

/** Every answer that the proof needs, by URL. */
async function answersOf(target: InclusionTarget, server: SimulatedCtLog): Promise<Map<string, Uint8Array>> {
  const answers = new Map<string, Uint8Array>();
  for (;;) {
    const requests = await inclusionRequests(target, answers);
    if (requests.length === 0) return answers;
    for (const { url } of requests) answers.set(url, (await server.answer(url, now))!);
  }
}

let world: World;
const classic = () => [world.targets[0]!, world.classic] as const;
const tiled = () => [world.targets[1]!, world.tiled] as const;

describe('inclusion', () => {
  before(async () => {
    const logs = [await log('Alder'), await log('Birch', { kind: 'static-ct', mmdSeconds: 60 })] as const;
    for (const one of logs) await fill(one, STRANGERS, 'before');
    const server = await issue(logs);
    for (const one of logs) await fill(one, STRANGERS, 'after');
    const targets = await inclusionTargets(await authenticated(server, logs));
    world = { classic: logs[0], tiled: logs[1], targets };
  });

  test('an RFC 6962 log proves it by a tree head and a proof by hash', async () => {
    const [target, server] = classic();
    const answers = await answersOf(target, server);
    assert.deepEqual(
      [...answers.keys()].map((url) => url.replace(server.url, '').replace(/\?.*/, '')),
      ['ct/v1/get-sth', 'ct/v1/get-proof-by-hash'],
    );
    const { index, treeHead } = await verifyInclusion(target, answers);
    assert.deepEqual([index, treeHead.treeSize, treeHead.timestampMs], [300n, 601n, now.getTime()]);
  });

  test('a static-ct log proves it by a checkpoint and tiles', async () => {
    const [target, server] = tiled();
    const answers = await answersOf(target, server);
    assert.deepEqual(
      [...answers.keys()].map((url) => url.replace(server.url, '')),
      ['checkpoint', 'tile/0/001', 'tile/1/000.p/2', 'tile/0/002.p/89'],
    );
    const { index, treeHead } = await verifyInclusion(target, answers);
    assert.deepEqual([index, treeHead.treeSize], [300n, 601n]);
    assert.equal(leafIndexOf(target.sct), 300n);
  });

  test('of a partial tile that is gone the full one does', async () => {
    const [target, server] = tiled();
    const answers = await answersOf(target, server);
    const { leafHash } = target;
    await fill(server, 200, 'later');
    const partial = [...answers.keys()].filter((url) => url.includes('/tile/0/002.p/'));
    assert.equal(partial.length, 1);
    answers.delete(partial[0]!);
    const [request, ...others] = await inclusionRequests(target, answers);
    assert.equal(others.length, 0);
    assert.equal(request!.fallbackUrl, `${server.url}tile/0/002`);
    answers.set(request!.fallbackUrl, (await server.answer(request!.fallbackUrl, now))!);
    assert.equal((await verifyInclusion(target, answers)).treeHead.treeSize, 601n);
    assert.deepEqual(target.leafHash, leafHash);
  });

  test('without an answer there is no verdict', async () => {
    for (const [target, server] of [classic(), tiled()]) {
      const answers = await answersOf(target, server);
      await refuses('ANSWER_MISSING', () => verifyInclusion(target, new Map()));
      const withoutOne = new Map(answers);
      withoutOne.delete([...answers.keys()].at(-1)!);
      await refuses('ANSWER_MISSING', () => verifyInclusion(target, withoutOne));
    }
  });

  test('every flipped bit of a tree head is refused', async () => {
    for (const [target, server] of [classic(), tiled()]) {
      const answers = await answersOf(target, server);
      const [url, head] = [...answers][0]!;
      for (let bit = 0; bit < head.length * 8; bit += 3) {
        const damaged = new Map(answers).set(url, flipped(head, bit));
        await assert.rejects(
          verifyInclusion(target, damaged),
          ({ code }: { code: string }) => /^(TREE_HEAD_|ANSWER_MISSING|INCLUSION_)/.test(code),
          `bit ${bit} of ${new TextDecoder().decode(head)}`,
        );
      }
    }
  });

  test('a proof of another leaf, with another hash, or of another form is refused', async () => {
    const [target, server] = classic();
    const answers = await answersOf(target, server);
    const [url, bytes] = [...answers].at(-1)!;
    const proof = JSON.parse(new TextDecoder().decode(bytes)) as { leaf_index: number; audit_path: string[] };
    const withProof = (json: unknown) => new Map(answers).set(url, utf8(JSON.stringify(json)));
    const wrong = [
      { ...proof, leaf_index: 299 },
      { ...proof, leaf_index: 601 },
      { ...proof, audit_path: proof.audit_path.slice(1) },
      { ...proof, audit_path: [...proof.audit_path].reverse() },
      { ...proof, audit_path: [...proof.audit_path, proof.audit_path[0]] },
      { ...proof, audit_path: ['AAAA'] },
      { ...proof, audit_path: [] },
    ];
    for (const json of wrong)
      await refuses('INCLUSION_PROOF_INVALID', () => verifyInclusion(target, withProof(json)));
    const malformed = [
      { ...proof, leaf_index: -1 },
      { ...proof, leaf_index: '300' },
      { leaf_index: 300 },
      { ...proof, audit_path: ['!'] },
      { ...proof, audit_path: Array.from({ length: 65 }, () => proof.audit_path[0]) },
      null,
    ];
    for (const json of malformed)
      await refuses('PROOF_MALFORMED', () => verifyInclusion(target, withProof(json)));
    await refuses('PROOF_MALFORMED', () =>
      verifyInclusion(target, new Map(answers).set(url, concatBytes(bytes, bytes))),
    );
  });

  test('a certificate that the log does not have is not proven by the proof of another', async () => {
    const [target, server] = classic();
    const answers = await answersOf(target, server);
    const absent = { ...target, leafHash: flipped(target.leafHash, 0) };
    const url = (await inclusionRequests(absent, new Map([[...answers][0]!])))[0]!.url;
    assert.equal(await server.answer(url, now), undefined);
    await refuses('INCLUSION_PROOF_INVALID', () =>
      verifyInclusion(absent, new Map(answers).set(url, [...answers.values()].at(-1)!)),
    );
  });

  test('tiles of another length, and any damaged hash that the proof needs, are refused', async () => {
    const target = world.targets[1]!;
    const small = await staticWorld(5);
    const answers = await answersOf(small.target, small.server);
    const [url, tile] = [...answers].at(-1)!;
    for (const bytes of [tile.subarray(1), concatBytes(tile, tile.subarray(0, 32)), new Uint8Array(0)])
      await refuses('TILE_MALFORMED', () => verifyInclusion(small.target, new Map(answers).set(url, bytes)));
    // Six leaves, the last one ours: 0 to 3 and 4 are in its proof, 5 is itself and not read.
    for (let at = 0; at < 6; at++) {
      const damaged = new Map(answers).set(url, flipped(tile, at * 256 + 9));
      if (at === 5) await verifyInclusion(small.target, damaged);
      else await refuses('INCLUSION_PROOF_INVALID', () => verifyInclusion(small.target, damaged));
    }
    assert.notDeepEqual(target.leafHash, small.target.leafHash);
  });

  test('an entry that is due is refused where it is missing, and one that is not due is not checked', async () => {
    const withheld = await staticWorld(5, { withheld: true });
    await refuses('INCLUSION_OVERDUE', () => answersOf(withheld.target, withheld.server));
    const early = new Date(issuedAt.getTime() + 59_000);
    const checkpoint = await withheld.server.checkpoint(early);
    await refuses('INCLUSION_NOT_YET_DUE', () =>
      inclusionRequests(withheld.target, new Map([[`${withheld.server.url}checkpoint`, checkpoint]])),
    );
    const outcome = await proveInclusion(withheld.target, async ({ url }) =>
      withheld.server.answer(url, early),
    );
    assert.equal(outcome.kind, 'not-checked');
    assert.equal(appraiseInclusion([outcome]).outcome, 'not-checked');
  });

  test('an index that is not named, named twice or of another length is refused', async () => {
    const { sct } = world.targets[1]!;
    const index = sct.extensions;
    const of = (extensions: Uint8Array): Sct => ({ ...sct, extensions });
    const bad = [
      new Uint8Array(0),
      concatBytes(index, index),
      index.subarray(0, 7),
      Uint8Array.of(0, 0, 4, 1, 2, 3, 4),
      Uint8Array.of(1, 0, 5, 0, 0, 0, 0, 1),
      concatBytes(index, Uint8Array.of(7)),
    ];
    for (const extensions of bad) await refuses('LEAF_INDEX_INVALID', () => leafIndexOf(of(extensions)));
    assert.equal(leafIndexOf(of(concatBytes(Uint8Array.of(9, 0, 1, 5), index))), 300n);
    assert.equal(leafIndexOf(of(Uint8Array.of(0, 0, 5, 255, 255, 255, 255, 255))), 2n ** 40n - 1n);
  });

  test('the whole conversation ends in a check that says what was found', async () => {
    const outcomes: InclusionOutcome[] = [];
    for (const [target, server] of [classic(), tiled()])
      outcomes.push(await proveInclusion(target, async ({ url }) => server.answer(url, now)));
    const check = appraiseInclusion(outcomes, 2);
    assert.equal(check.outcome, 'pass');
    assert.match(check.found, /leaf 300 of \d+ in Alder 2026h2; leaf 300 of \d+ in Birch 2026h2/);
    const [first] = outcomes;
    assert.equal(appraiseInclusion([first!], 2).outcome, 'not-checked');
    assert.equal(appraiseInclusion([]).outcome, 'not-checked');
  });

  test('a log that does not answer is not checked, and one that lies fails beside one that proves', async () => {
    const [target, server] = classic();
    const silent = await proveInclusion(target, () => Promise.resolve('connection refused'));
    assert.deepEqual(silent, { log: target.log, kind: 'not-checked', reason: 'connection refused' });
    assert.match(appraiseInclusion([silent]).reason!, /connection refused/);
    const good = await proveInclusion(target, async ({ url }) => server.answer(url, now));
    const stranger = await log('Stranger');
    await stranger.tree.append(utf8('one'));
    const liar = await proveInclusion(target, () => stranger.signedTreeHead(now));
    const check = appraiseInclusion([good, liar]);
    assert.deepEqual([check.outcome, check.code], ['fail', 'TREE_HEAD_SIGNATURE_INVALID']);
    assert.match(check.found, /Alder 2026h2/);
  });

  test('what is no answer of a log at all is not checked: a page of a portal, half a file, the tile of another size', async () => {
    for (const [target, server] of [classic(), tiled()]) {
      const answered = async (damage: (bytes: Uint8Array, kind: string) => Uint8Array) =>
        proveInclusion(target, async ({ url, kind }) => {
          const bytes = await server.answer(url, now);
          return bytes && damage(bytes, kind);
        });
      const outcomes = [
        await answered(() => utf8('<!doctype html><title>Sign in</title>')),
        await answered((bytes) => bytes.subarray(0, bytes.length - 1)),
        await answered((bytes, kind) => (kind === 'tree-head' ? bytes : bytes.subarray(0, 33))),
      ];
      for (const outcome of outcomes) assert.equal(appraiseInclusion([outcome]).outcome, 'not-checked');
    }
  });

  test('timestamps that are not valid have no target', async () => {
    const logs = [await log('Alder'), await log('Birch')];
    const server = await issue(logs, { sctDefects: [{ forged: true }] });
    const targets = await inclusionTargets(await authenticated(server, logs));
    assert.deepEqual(
      targets.map(({ log: one }) => one.operator),
      ['Birch'],
    );
  });
});

/** A certificate that is the last of a few entries of a static-ct log. */
async function staticWorld(strangers: number, defects = {}) {
  const server = await createCtLog({
    description: 'Small',
    operator: 'Small',
    kind: 'static-ct',
    mmdSeconds: 60,
  });
  await fill(server, strangers, 'small');
  const issued = await issue([server], { sctDefects: [defects] });
  const [target] = await inclusionTargets(await authenticated(issued, [server]));
  assert.ok(findLog(await listOf([server]), server.logId));
  return { server, target: target! };
}
