/** The built packages, copied out of the repository, under a Node that runs no TypeScript. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import ts from 'typescript';
import { BuildError, buildPackages } from './build.ts';

const repository = join(import.meta.dirname, '..');
const NODE_WORDS = ['--no-experimental-strip-types'];

interface Published {
  name: string;
  exports: Record<string, { types: string; default: string }>;
  bin?: Record<string, string>;
  dependencies?: Record<string, string>;
}

describe('the built packages', () => {
  let outside = '';
  let modules = '';
  let installed: { folder: string; manifest: Published }[] = [];

  before(() => {
    outside = mkdtempSync(join(tmpdir(), 'vitrine-build-'));
    modules = join(outside, 'node_modules');
    installed = buildPackages(repository, join(outside, 'dist')).map((built) => {
      const manifest = JSON.parse(readFileSync(join(built, 'package.json'), 'utf8')) as Published;
      const folder = join(modules, manifest.name);
      cpSync(built, folder, { recursive: true });
      return { folder, manifest };
    });
    for (const { manifest } of installed) {
      for (const name of Object.keys(manifest.dependencies ?? {})) {
        if (!existsSync(join(modules, name)))
          cpSync(join(repository, 'node_modules', name), join(modules, name), { recursive: true });
      }
    }
  });
  after(() => {
    rmSync(outside, { recursive: true, force: true });
  });

  const node = (...words: string[]) =>
    spawnSync(process.execPath, [...NODE_WORDS, ...words], {
      cwd: outside,
      encoding: 'utf8',
      timeout: 60_000,
    });

  test('import one another and export the same names as their sources', async () => {
    for (const { manifest } of installed.filter(({ manifest }) => !manifest.bin)) {
      for (const subpath of Object.keys(manifest.exports)) {
        const specifier = manifest.name + subpath.slice(1);
        const source = Object.keys((await import(specifier)) as object);
        const script = `console.log(JSON.stringify(Object.keys(await import('${specifier}'))))`;
        const run = node('--input-type=module', '--eval', script);
        assert.equal(run.status, 0, run.stderr);
        assert.ok(source.length > 0);
        assert.deepEqual(JSON.parse(run.stdout), source, specifier);
      }
    }
  });

  test('pack a model and check it with the command, worker threads included', () => {
    const model = join(outside, 'model');
    mkdirSync(model);
    writeFileSync(join(model, 'config.json'), '{}');
    // Larger than the pieces that the threads take.
    writeFileSync(join(model, 'weights'), Buffer.alloc(40_000_000, 'weights'));
    const main = join(modules, 'vitrine/main.js');
    const pack = node(main, 'pack', 'model', '--name', 'test/model@v1', '--out', 'packs');
    assert.equal(pack.status, 0, pack.stderr);
    const check = node(main, 'check', 'packs/test/model/v1.mpk');
    assert.equal(check.status, 0, check.stderr + check.stdout);
  });

  test('hold the program of every worker thread', () => {
    const workers = globSync('packages/*/src/**/*.worker*.ts', { cwd: repository }).filter(
      (path) => !path.endsWith('.test.ts'),
    );
    assert.ok(workers.length > 0);
    for (const path of workers) {
      const [, folder, inSource] = /^packages\/([^/]+)\/src\/(.+)\.ts$/.exec(path)!;
      assert.ok(existsSync(join(outside, 'dist', folder!, `${inSource!}.js`)), path);
    }
  });

  test('hold the sources of the native hasher, where their code looks for them, and no compiled one', () => {
    const verity = join(modules, '@vitrine/verity');
    const url = new URL('native-sources.node.js', `file://${verity}/`).href;
    const run = node(
      '--input-type=module',
      '--eval',
      `console.log((await import('${url}')).nativeSourceSha256())`,
    );
    assert.match(run.stdout, /^[0-9a-f]{64}\n$/, run.stderr);
    assert.deepEqual(
      globSync('*.{c,h}', { cwd: join(verity, 'native') }).sort(),
      globSync('*.{c,h}', { cwd: join(repository, 'packages/verity/native') }).sort(),
    );
    assert.deepEqual(globSync('**/*.node', { cwd: modules, exclude: ['**/typescript/**'] }), []);
  });

  test('hold no test, no TypeScript source and no import of one', () => {
    const files = globSync('**/*', { cwd: join(outside, 'dist') });
    assert.deepEqual(
      files.filter((path) => /\.test\.|(^|\/)test\//.test(path)),
      [],
    );
    assert.deepEqual(
      files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts')),
      [],
    );
    for (const path of files.filter((path) => /\.(js|d\.ts)$/.test(path))) {
      const text = readFileSync(join(outside, 'dist', path), 'utf8');
      assert.doesNotMatch(text, /(?:from|import\() ?['"]\.[^'"]*\.ts['"]/, path);
    }
  });

  test('have everything that their package.json names, a README and the licence', () => {
    for (const { folder, manifest } of installed) {
      const named = Object.values(manifest.exports).flatMap((target) => [target.types, target.default]);
      for (const path of [...named, ...Object.values(manifest.bin ?? {}), 'README.md', 'LICENSE']) {
        assert.ok(statSync(join(folder, path)).size > 0, `${manifest.name} ${path}`);
      }
      for (const path of Object.values(manifest.bin ?? {})) {
        assert.match(readFileSync(join(folder, path), 'utf8'), /^#!\/usr\/bin\/env node\n/);
        assert.equal(statSync(join(folder, path)).mode & 0o111, 0o111);
      }
    }
  });

  test('have declarations that a strict TypeScript program can use', () => {
    const specifiers = installed.flatMap(({ manifest }) =>
      Object.keys(manifest.exports).map((subpath) => manifest.name + subpath.slice(1)),
    );
    const consumer = join(outside, 'consumer.mts');
    writeFileSync(
      consumer,
      specifiers.map((name, index) => `export * as x${index} from '${name}';\n`).join(''),
    );
    const program = ts.createProgram([consumer], {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2024,
      lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts', 'lib.esnext.typedarrays.d.ts'],
      strict: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(repository, 'node_modules/@types')],
    });
    const ours = ts
      .getPreEmitDiagnostics(program)
      .filter(({ file }) => !file?.fileName.includes('@types/node'));
    assert.deepEqual(
      ours.map(({ messageText, file }) => [file?.fileName, messageText]),
      [],
    );
    assert.ok(
      program.getSourceFiles().some(({ fileName }) => fileName.startsWith(join(modules, '@vitrine'))),
    );
  });
});

describe('a workspace that cannot be published', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-build-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function workspace(name: string, manifest: object, source: string): string {
    const repositoryFolder = join(folder, name);
    const path = join(repositoryFolder, 'packages/one/src/index.ts');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, source);
    writeFileSync(
      join(repositoryFolder, 'packages/one/package.json'),
      JSON.stringify({ name: 'one', type: 'module', ...manifest }),
    );
    symlinkSync(join(repository, 'node_modules'), join(repositoryFolder, 'node_modules'));
    for (const file of ['tsconfig.json', 'LICENSE'])
      cpSync(join(repository, file), join(repositoryFolder, basename(file)));
    return repositoryFolder;
  }

  const refusal = (repositoryFolder: string, message: RegExp) => {
    assert.throws(
      () => buildPackages(repositoryFolder, join(repositoryFolder, 'dist')),
      (error: unknown) => error instanceof BuildError && message.test(error.message),
    );
    assert.equal(existsSync(join(repositoryFolder, 'dist/one/index.js')), false);
  };

  test('is refused for a type error, and nothing is written for it', () => {
    const exports = { '.': './src/index.ts' };
    const right = workspace('right', { exports }, 'export const x: number = 1;\n');
    assert.equal(buildPackages(right, join(right, 'dist')).length, 1);
    refusal(workspace('type', { exports }, "export const x: number = 'text';\n"), /index\.ts.*TS2322/);
  });

  test('is refused for an export that is not below src', () => {
    const wrong = workspace('export', { exports: { '.': './index.ts' } }, 'export const x = 1;\n');
    assert.throws(() => buildPackages(wrong, join(wrong, 'dist')), /names \.\/index\.ts/);
  });

  test('is refused for a package that imports itself', () => {
    refusal(workspace('circle', { dependencies: { one: '1' } }, 'export const x = 1;\n'), /imports itself/);
  });
});
