import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ESLint } from 'eslint';

const root = new URL('..', import.meta.url).pathname;

/** The rules that a line of code breaks when it stands in that file (which exists: types are looked up). */
async function broken(file: string, code: string): Promise<string[]> {
  const eslint = new ESLint({ cwd: root });
  const [result] = await eslint.lintText(`${code}\n`, { filePath: `${root}${file}` });
  return result!.messages
    .map(({ ruleId }) => ruleId ?? 'parse error')
    .filter((rule) => rule.startsWith('no-restricted'));
}

test('a package that may import another one does', async () => {
  assert.deepEqual(await broken('packages/modelpack/src/plan.ts', "export * from '@vitrine/erofs';"), []);
});

test('a package that may not import another one is refused', async () => {
  const refused = [
    ['packages/erofs/src/layout.ts', "export * from '@vitrine/verity';"],
    ['packages/verity/src/tree.ts', "export * from '@vitrine/erofs/node';"],
    ['packages/modelpack/src/plan.ts', "export * from 'vitrine';"],
    ['packages/modelpack/src/plan.ts', "export * from '@vitrine/verifier';"],
    ['packages/modelpack/src/plan.ts', "export * from '../../erofs/src/index.ts';"],
    ['packages/erofs/src/layout.node.ts', "export * from '@vitrine/verity';"],
  ] as const;
  for (const [file, code] of refused) {
    assert.deepEqual(
      await broken(file.replace('layout.node', 'folder.node'), code),
      ['no-restricted-imports'],
      code,
    );
  }
});

test('isomorphic code has no node: import, no Buffer and no process', async () => {
  const refused = [
    ["export * from 'node:fs';", 'no-restricted-imports'],
    ["export * from 'crypto';", 'no-restricted-imports'],
    ["export * from './folder.node.ts';", 'no-restricted-imports'],
    ['export const a = Buffer.alloc(1);', 'no-restricted-globals'],
    ['export const a = process.pid;', 'no-restricted-globals'],
  ] as const;
  for (const [code, rule] of refused) {
    assert.deepEqual(await broken('packages/erofs/src/layout.ts', code), [rule], code);
  }
});

test('its *.node.ts files may use Node', async () => {
  assert.deepEqual(await broken('packages/erofs/src/folder.node.ts', "export * from 'node:fs';"), []);
});
