#!/usr/bin/env node
/**
 * Starts the command from source, sooner than Node would: it is JavaScript, so that Node need not load its type stripper
 * (what the compile cache holds was stripped and compiled at an earlier start), and it says where an import leads.
 */
import { enableCompileCache, registerHooks } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { URL } from 'node:url';

const { env } = process;
// In a folder of the user's own: what is in it is run.
env.NODE_COMPILE_CACHE ??= join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vitrine', 'compiled');
enableCompileCache(env.NODE_COMPILE_CACHE);

/** Packages of the workspace, by their names. */
const packages = new Map();

registerHooks({
  resolve(specifier, context, next) {
    // A path with its ending leads where it says: Node looks for links and for a package.json around each of 250 files.
    if (specifier.startsWith('.') && specifier.endsWith('.ts')) {
      const { href } = new URL(specifier, context.parentURL);
      return { url: href, format: 'module-typescript', shortCircuit: true };
    }
    if (!specifier.startsWith('@vitrine/')) return next(specifier, context);
    const found = packages.get(specifier) ?? { ...next(specifier, context), shortCircuit: true };
    packages.set(specifier, found);
    return found;
  },
});

await import('./main.ts');
