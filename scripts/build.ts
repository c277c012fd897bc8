/** Compiles every package into dist/<folder>, as it is published: JavaScript, declarations, README and LICENSE. */
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

interface Manifest {
  readonly name: string;
  readonly description?: string;
  readonly exports?: Record<string, string>;
  readonly bin?: Record<string, string>;
  /** Of the package itself, by condition. */
  readonly imports?: Record<string, Record<string, string>>;
  readonly dependencies?: Record<string, string>;
  readonly [key: string]: unknown;
}
interface Package {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly outFolder: string;
}

/** What the compiler or a package's layout did not allow; one complaint a line. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
}

/**
 * Builds all packages of the workspace, each after those it imports.
 * @returns the folders that were written
 * @throws BuildError
 */
export function buildPackages(repository: string, outFolder: string): string[] {
  const packages = inOrderOfImports(
    globSync('packages/*/package.json', { cwd: repository }).map((path) => {
      const folder = join(repository, dirname(path));
      const manifest = JSON.parse(readFileSync(join(repository, path), 'utf8')) as Manifest;
      return { folder, manifest, outFolder: join(outFolder, basename(folder)) };
    }),
  );
  for (const built of packages) {
    rmSync(built.outFolder, { recursive: true, force: true });
    mkdirSync(built.outFolder, { recursive: true });
    compile(repository, built, packages);
    writeManifest(built);
    copyCompanions(repository, built);
  }
  return packages.map(({ outFolder }) => outFolder);
}

function inOrderOfImports(packages: readonly Package[]): Package[] {
  const ordered: Package[] = [];
  const visit = (next: Package, above: readonly Package[]) => {
    if (ordered.includes(next)) return;
    if (above.includes(next)) throw new BuildError(`${next.manifest.name} imports itself through others`);
    for (const name of Object.keys(next.manifest.dependencies ?? {})) {
      const other = packages.find(({ manifest }) => manifest.name === name);
      if (other) visit(other, [...above, next]);
    }
    ordered.push(next);
  };
  for (const next of [...packages].sort((a, b) => (a.folder < b.folder ? -1 : 1))) visit(next, []);
  return ordered;
}

function compile(repository: string, built: Package, packages: readonly Package[]): void {
  const source = join(built.folder, 'src');
  const files = globSync('**/*.ts', { cwd: source }).filter((file) => !/\.test\.ts$|(^|\/)test\//.test(file));
  const program = ts.createProgram({
    rootNames: files.sort().map((file) => join(source, file)),
    options: {
      ...compilerOptions(repository),
      noEmit: false,
      noEmitOnError: true,
      declaration: true,
      rootDir: source,
      outDir: built.outFolder,
      // The others as they are published: their sources would be compiled into this package.
      paths: Object.fromEntries(packages.filter((other) => other !== built).flatMap(declarationsOf)),
      typeRoots: [join(repository, 'node_modules/@types')],
    },
  });
  const transformers = { before: [relocatedUrls(built)], afterDeclarations: [importsOfJavaScript] };
  const emitted = program.emit(undefined, undefined, undefined, false, transformers);
  const complaints = ts.sortAndDeduplicateDiagnostics([
    ...ts.getPreEmitDiagnostics(program),
    ...emitted.diagnostics,
  ]);
  if (complaints.length > 0) {
    const host = {
      getCurrentDirectory: () => repository,
      getCanonicalFileName: (name: string) => name,
      getNewLine: () => '\n',
    };
    throw new BuildError(
      `${built.manifest.name} does not compile:\n${ts.formatDiagnostics(complaints, host)}`,
    );
  }
}

function compilerOptions(repository: string): ts.CompilerOptions {
  const path = join(repository, 'tsconfig.json');
  const { config } = ts.readConfigFile(path, (name) => readFileSync(name, 'utf8')) as { config: unknown };
  return ts.parseJsonConfigFileContent(config, ts.sys, repository).options;
}

/** `@vitrine/x/node` to the declarations that were built for it. */
function declarationsOf({ manifest, outFolder }: Package): [string, string[]][] {
  return Object.entries(manifest.exports ?? {}).map(([subpath, target]) => [
    manifest.name + subpath.slice(1),
    [join(outFolder, compiledPath(target, '.d.ts'))],
  ]);
}

/** `./src/x.ts` becomes `./x.js`: what was in src/ lies at the top of a published package. */
function compiledPath(target: string, ending: '.js' | '.d.ts'): string {
  const found = /^\.\/src\/(.+)\.ts$/.exec(target);
  if (!found)
    throw new BuildError(`A package.json names ${target}, a TypeScript file below ./src/ was expected`);
  return `./${found[1] ?? ''}${ending}`;
}

/**
 * Rewrites `new URL('…', import.meta.url)` where the move out of src/ changes what it means: a path that leaves src/
 * is one folder nearer, and a TypeScript file is JavaScript now. tsc rewrites such paths in imports only.
 */
function relocatedUrls({ folder, outFolder }: Package): ts.TransformerFactory<ts.SourceFile> {
  const source = join(folder, 'src');
  const relocated = (from: string, path: string) => {
    const target = resolve(dirname(from), path);
    const inSource = target.startsWith(source + sep);
    if (inSource) return path.replace(/\.ts$/, '.js');
    const fromOut = resolve(outFolder, relative(source, dirname(from)));
    const moved = relative(fromOut, resolve(outFolder, relative(folder, target)));
    return `./${moved}${path.endsWith('/') ? '/' : ''}`;
  };
  return (context) => (file) => {
    const visit = (node: ts.Node): ts.Node => {
      const literal = relativeUrlOf(node);
      if (!literal || !ts.isNewExpression(node)) return ts.visitEachChild(node, visit, context);
      const path = context.factory.createStringLiteral(relocated(file.fileName, literal.text));
      return context.factory.updateNewExpression(node, node.expression, node.typeArguments, [
        path,
        ...(node.arguments ?? []).slice(1),
      ]);
    };
    return ts.visitEachChild(file, visit, context);
  };
}

/** Declarations name the files that are there: tsc leaves `./x.ts` in them. */
const importsOfJavaScript: ts.TransformerFactory<ts.SourceFile | ts.Bundle> = (context) => {
  const within =
    (parent: ts.Node) =>
    (node: ts.Node): ts.Node => {
      const namesModule =
        ts.isStringLiteral(node) &&
        (ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent) || ts.isLiteralTypeNode(parent));
      if (namesModule && /^\.\.?\/.*\.ts$/.test(node.text)) {
        return context.factory.createStringLiteral(node.text.replace(/\.ts$/, '.js'), true);
      }
      return ts.visitEachChild(node, within(node), context);
    };
  return (file) => (ts.isBundle(file) ? file : ts.visitEachChild(file, within(file), context));
};

function relativeUrlOf(node: ts.Node): ts.StringLiteral | undefined {
  if (!ts.isNewExpression(node) || node.expression.getText() !== 'URL') return undefined;
  const [path, base] = node.arguments ?? [];
  const isRelative = path && ts.isStringLiteral(path) && path.text.startsWith('.');
  return isRelative && base?.getText() === 'import.meta.url' ? path : undefined;
}

function writeManifest({ manifest, outFolder }: Package): void {
  const { exports = {}, bin, imports } = manifest;
  const unpublished = ['scripts', 'devDependencies'];
  const published = Object.fromEntries(
    Object.entries(manifest).filter(([key]) => !unpublished.includes(key)),
  );
  published['exports'] = Object.fromEntries(
    Object.entries(exports).map(([subpath, target]) => [
      subpath,
      { types: compiledPath(target, '.d.ts'), default: compiledPath(target, '.js') },
    ]),
  );
  if (imports) {
    const compiled = (targets: Record<string, string>) =>
      Object.fromEntries(
        Object.entries(targets).map(([condition, target]) => [condition, compiledPath(target, '.js')]),
      );
    published['imports'] = Object.fromEntries(
      Object.entries(imports).map(([name, targets]) => [name, compiled(targets)]),
    );
  }
  const main = exports['.'];
  if (main !== undefined) published['types'] = compiledPath(main, '.d.ts');
  if (bin) {
    published['bin'] = Object.fromEntries(
      Object.entries(bin).map(([name, target]) => [name, compiledPath(target, '.js')]),
    );
    for (const target of Object.values(bin)) chmodSync(join(outFolder, compiledPath(target, '.js')), 0o755);
  }
  writeFileSync(join(outFolder, 'package.json'), `${JSON.stringify(published, undefined, 2)}\n`);
}

function copyCompanions(repository: string, { folder, manifest, outFolder }: Package): void {
  cpSync(join(repository, 'LICENSE'), join(outFolder, 'LICENSE'));
  const readme = join(folder, 'README.md');
  if (existsSync(readme)) cpSync(readme, join(outFolder, 'README.md'));
  else writeFileSync(join(outFolder, 'README.md'), `# ${manifest.name}\n\n${manifest.description ?? ''}\n`);
  const native = join(folder, 'native');
  if (!existsSync(native)) return;
  mkdirSync(join(outFolder, 'native'));
  // The sources only: an addon that was built here is for this machine.
  for (const name of readdirSync(native).filter((name) => /\.[ch]$/.test(name))) {
    cpSync(join(native, name), join(outFolder, 'native', name));
  }
}

if (import.meta.main) {
  const repository = join(import.meta.dirname, '..');
  try {
    for (const folder of buildPackages(repository, join(repository, 'dist')))
      console.log(relative(repository, folder));
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
