#!/usr/bin/env node
/** The `vitrine-conformance` command: JSON on standard input, a verdict on standard output. */
import { run } from './run.ts';

async function standardInput(): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  return new Uint8Array(Buffer.concat(pieces));
}

const { exitStatus, output, message } = await run(process.argv.slice(2), standardInput, { now: new Date() });
if (output !== undefined) process.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
if (message !== undefined) process.stderr.write(`${message}\n`);
process.exitCode = exitStatus;
