/** One script for a browser out of a TypeScript file and all it imports, as the web page is made. */
import { build } from 'vite';

/** @throws Error where anything of it needs Node */
export async function bundle(entry: string, options: { readonly minify?: boolean } = {}): Promise<string> {
  const output = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: options.minify === true,
      target: 'es2024',
      lib: { entry, formats: ['es'], fileName: 'bundle' },
    },
  });
  const first = [output].flat()[0];
  if (first === undefined || !('output' in first)) throw new Error('The bundler made nothing.');
  const chunks = first.output.flatMap((file) => (file.type === 'chunk' ? [file.code] : []));
  if (chunks.length !== 1) throw new Error(`Expected one script, found ${chunks.length}.`);
  const code = chunks[0]!;
  const nodeOnly = /(?:from|import)\s*\(?["']node:[a-z/_]+["']|__vite-browser-external/.exec(code);
  if (nodeOnly) throw new Error(`The bundle needs Node: ${nodeOnly[0]}`);
  return code;
}
