/** Tree heads and checkpoints: what a log signed, and what must not pass for it. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { toBase64, utf8 } from '@vitrine/bytes';
import { type CtLog, authenticateTreeHead, findLog } from '@vitrine/provenance/ct';
import type { SimulatedCtLog } from '@vitrine/simtee/ct';
import { refuses } from './refusal.ts';
import { listOf, log, now } from './world.ts';

type Side = readonly [{ readonly log: CtLog }, SimulatedCtLog];
let sides: { readonly classic: Side; readonly tiled: Side };
const classic = () => sides.classic;
const tiled = () => sides.tiled;

describe('tree heads', () => {
  before(async () => {
    const [alder, birch] = [await log('Alder'), await log('Birch', { kind: 'static-ct' })];
    const list = await listOf([alder, birch]);
    for (const one of [alder, birch]) for (let at = 0; at < 601; at++) await one.tree.append(utf8(`${at}`));
    const side = (one: SimulatedCtLog): Side => [{ log: findLog(list, one.logId)! }, one];
    sides = { classic: side(alder), tiled: side(birch) };
  });

  test('a tree head of another log, another size or another root is refused by its signature', async () => {
    const [target, server] = classic();
    const stranger = await log('Stranger');
    await stranger.tree.append(utf8('one'));
    const sth = JSON.parse(new TextDecoder().decode(await server.signedTreeHead(now))) as Record<
      string,
      unknown
    >;
    const changes = [
      { tree_size: 600 },
      { timestamp: now.getTime() + 1 },
      { sha256_root_hash: toBase64(await server.tree.root(600)) },
      { tree_head_signature: 'BAMAAA==' },
    ];
    for (const change of changes)
      await refuses('TREE_HEAD_SIGNATURE_INVALID', () =>
        authenticateTreeHead(target.log, utf8(JSON.stringify({ ...sth, ...change }))),
      );
    await refuses('TREE_HEAD_SIGNATURE_INVALID', async () =>
      authenticateTreeHead(target.log, await stranger.signedTreeHead(now)),
    );
  });

  test('what is no tree head is refused', async () => {
    const [target, server] = classic();
    const sth = JSON.parse(new TextDecoder().decode(await server.signedTreeHead(now))) as Record<
      string,
      unknown
    >;
    const bad: readonly unknown[] = [
      { ...sth, tree_size: -1 },
      { ...sth, tree_size: '601' },
      { ...sth, tree_size: 1.5 },
      { ...sth, timestamp: undefined },
      { ...sth, timestamp: 9e15 },
      { ...sth, sha256_root_hash: 'AAAA' },
      { ...sth, tree_head_signature: 'BAM=' },
      { ...sth, tree_head_signature: `${String(sth['tree_head_signature']).replaceAll('=', '')}AA==` },
      [],
      'tree head',
    ];
    for (const json of bad)
      await refuses('TREE_HEAD_MALFORMED', () =>
        authenticateTreeHead(target.log, utf8(JSON.stringify(json))),
      );
    for (const bytes of [
      new Uint8Array(0),
      Uint8Array.of(0xff),
      new Uint8Array(70_000),
      utf8(`${JSON.stringify(sth)}x`),
    ])
      await refuses('TREE_HEAD_MALFORMED', () => authenticateTreeHead(target.log, bytes));
  });

  test('a checkpoint of another origin, with more lines, or without the signature of the log is refused', async () => {
    const [target, server] = tiled();
    const note = new TextDecoder().decode(await server.checkpoint(now));
    const origin = note.split('\n')[0]!;
    const malformed: Record<string, string> = {
      nothing: '',
      'another origin': note.replaceAll(origin, 'other.test'),
      'an extension line': note.replace('\n\n', '\nextension\n\n'),
      'no blank line': note.replace('\n\n', '\n'),
      'no line break at the end': note.slice(0, -1),
      'a size with a zero in front': note.replace(/\n(\d+)\n/, '\n0$1\n'),
      'a size that no index can name': note.replace(/\n(\d+)\n/, '\n1099511627777\n'),
      'a root of 31 bytes': note.replace(/\n[A-Za-z0-9+/]{43}=\n/, `\n${toBase64(new Uint8Array(31))}\n`),
      'a carriage return': note.replace('\n', '\r\n'),
    };
    for (const [what, text] of Object.entries(malformed))
      await refuses('TREE_HEAD_MALFORMED', () => authenticateTreeHead(target.log, utf8(text)), what);
    const unsigned: Record<string, string> = {
      'another size': note.replace(/\n(\d+)\n/, '\n602\n'),
      'a signature under another name': note.replace(`— ${origin}`, '— other.test'),
      'another key': note.replace(/— (\S+) .{6}/, '— $1 AAAAAA'),
    };
    for (const [what, text] of Object.entries(unsigned))
      await refuses('TREE_HEAD_SIGNATURE_INVALID', () => authenticateTreeHead(target.log, utf8(text)), what);
  });

  test('signatures of witnesses beside that of the log are passed over', async () => {
    const [target, server] = tiled();
    const note = new TextDecoder().decode(await server.checkpoint(now));
    const witness = `— witness.test ${toBase64(new Uint8Array(80))}\n`;
    const head = await authenticateTreeHead(
      target.log,
      utf8(note.replace('\n\n', `\n\n${witness}`) + witness),
    );
    assert.equal(head.treeSize, BigInt(server.tree.size));
  });
});
