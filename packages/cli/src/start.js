#!/usr/bin/env node
/**
 * Starts the command from source, and is JavaScript so that Node need not load its type stripper: with the compile cache
 * on, everything else was stripped and compiled at an earlier start.
 */
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const { env } = process;
// In a folder of the user's own: what is in it is run.
env.NODE_COMPILE_CACHE ??= join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vitrine', 'compiled');
enableCompileCache(env.NODE_COMPILE_CACHE);
await import('./main.ts');
