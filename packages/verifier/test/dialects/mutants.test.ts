/** Damaged documents of every dialect: an answer or a VerifierError, never anything else, and never slow. */
/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment -- documents are damaged anywhere, also where types say that nothing is */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { concatBytes, fromBase64, toBase64, utf8 } from '@vitrine/bytes';
import {
  gzip,
  writeBlyss,
  writeTinfoilBundle,
  writeTinfoilV2,
  writeTinfoilV3,
  writeVitrineDocument,
} from '@vitrine/simtee';
import { formatPemCertificates, parseCertificate } from '@vitrine/x509';
import {
  blyssProtocols,
  parseBlyssCmdline,
  parseDeployment,
  parseDocument,
  readMeasuredConfig,
} from '../../src/dialects/index.ts';
import { VerifierError } from '../../src/error.ts';
import { type Json, altered } from './refusal.ts';
import { simulatedMachine } from './simulated.ts';

const rounds = process.env['VITRINE_LONG'] === '1' ? 20_000 : 250;

/** xorshift32 (Marsaglia 2003): the same damage at each run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** Bits, bytes, signs that mean something to JSON, cuts, doublings, removals. */
function damaged(bytes: Uint8Array, random: () => number): Uint8Array {
  const signs = utf8('{}[]",:\\0-e.\n\u007f');
  let result: Uint8Array = bytes.slice();
  for (let count = 1 + (random() % 4); count > 0; count--) {
    const at = random() % (result.length || 1);
    const length = 1 + (random() % 64);
    switch (random() % 6) {
      case 0:
        result[at]! ^= 1 << (random() % 8);
        break;
      case 1:
        result[at] = signs[random() % signs.length]!;
        break;
      case 2:
        result = result.slice(0, at);
        break;
      case 3:
        result = concatBytes(result.subarray(0, at), result.subarray(at + length));
        break;
      case 4:
        result = concatBytes(result.subarray(0, at + length), result.subarray(at));
        break;
      default:
        result.copyWithin(at, random() % (result.length || 1), (random() % (result.length || 1)) + length);
    }
  }
  return result;
}

/** One value somewhere in the JSON becomes another that a reader may not expect there. */
function twisted(document: Uint8Array, random: () => number): Uint8Array {
  const strange = [
    null,
    true,
    -1,
    0.5,
    2 ** 53,
    '',
    'A',
    'AAAA',
    [],
    {},
    [[]],
    { a: 1 },
    '\u0000',
    '\ud800',
    'e30=',
  ];
  return altered(document, (json) => {
    let place: Json = json;
    for (;;) {
      const names = Object.keys(place as object);
      const name = names[random() % names.length];
      if (name === undefined) return;
      const inner = place[name];
      if (typeof inner !== 'object' || inner === null || random() % 5 === 0) {
        if (random() % 4 === 0) Reflect.deleteProperty(place as object, name);
        else place[name] = strange[random() % strange.length];
        return;
      }
      place = inner;
    }
  });
}

async function outcome(step: () => unknown): Promise<'read' | 'refused'> {
  try {
    await step();
    return 'read';
  } catch (error) {
    assert.ok(
      error instanceof VerifierError,
      `an untyped error: ${String(error)}\n${error instanceof Error ? error.stack : ''}`,
    );
    return 'refused';
  }
}

async function seeds(): Promise<Readonly<Record<string, Uint8Array>>> {
  const { nonce, keys, release, devices, ...machine } = await simulatedMachine();
  const small = { nonce, keys, release, devices: devices.slice(0, 1) };
  const v2 = await writeTinfoilV2({ keys, attest: machine.snp });
  return {
    'vitrine, SEV-SNP': await writeVitrineDocument({ ...small, attest: machine.snp }),
    'vitrine, TDX': await writeVitrineDocument({ ...small, attest: machine.tdx }),
    'tinfoil v3, SEV-SNP': await writeTinfoilV3({ ...small, attest: machine.snp }),
    'tinfoil v3, TDX': await writeTinfoilV3({ ...small, attest: machine.tdx }),
    'tinfoil v2': v2,
    'tinfoil bundle': writeTinfoilBundle({
      document: v2,
      domain: 'chat.acme.example',
      digest: new Uint8Array(32),
      sigstoreBundle: machine.bundle,
      certificatePem: formatPemCertificates([parseCertificate(machine.tlsCertificate)]),
    }),
    blyss: await writeBlyss({
      attest: machine.snp,
      certificate: machine.tlsCertificate,
      gpus: devices.slice(0, 1),
      launch: { cmdline: 'ro', vcpus: 1 },
    }),
  };
}

describe('damage', () => {
  test('of the bytes of a document of any dialect gives an answer or a typed refusal', async () => {
    const random = randomNumbers(20261125);
    for (const [name, document] of Object.entries(await seeds())) {
      let refusals = 0;
      for (let round = 0; round < rounds; round++)
        if ((await outcome(() => parseDocument(damaged(document, random)))) === 'refused') refusals++;
      assert.ok(refusals > rounds / 4, `${name}: ${refusals} refusals`);
    }
  });

  test('of the values of a document of any dialect gives an answer or a typed refusal', async () => {
    const random = randomNumbers(7);
    for (const [name, document] of Object.entries(await seeds())) {
      let refusals = 0;
      for (let round = 0; round < rounds; round++)
        if ((await outcome(() => parseDocument(twisted(document, random)))) === 'refused') refusals++;
      assert.ok(refusals > rounds / 4, `${name}: ${refusals} refusals`);
    }
  });

  test('within what a document carries as base64 gives an answer or a typed refusal', async () => {
    const random = randomNumbers(11);
    const all = await seeds();
    const parts: readonly [name: string, part: string][] = [
      ['vitrine, SEV-SNP', 'keys'],
      ['vitrine, SEV-SNP', 'devices'],
      ['tinfoil v2', 'body'],
    ];
    for (const [name, part] of parts)
      for (let round = 0; round < rounds; round++) {
        const document = altered(all[name]!, (json) => {
          json[part] = toBase64(damaged(fromBase64(json[part] as string), random));
        });
        await outcome(() => parseDocument(document));
      }
    const compressed = await gzip(new Uint8Array(1184).fill(1));
    for (let round = 0; round < rounds; round++) {
      const document = altered(all['tinfoil v2']!, (json) => {
        json.body = toBase64(damaged(compressed, random));
      });
      await outcome(() => parseDocument(document));
    }
  });

  test('of a configuration, a deployment and a command line gives an answer or a typed refusal', async () => {
    const random = randomNumbers(3);
    const config = utf8(
      `cpus: 2\nmemory: 8192\nmodels:\n  - {name: a, mpk: "${'ab'.repeat(32)}_4096_b95cea04-c624-5c05-a8bb-cac9a951e480"}\ncontainers:\n  - name: a\n    image: |\n      b\nshim: {domains: [a, "b"]}\n`,
    );
    const deployment = utf8(
      JSON.stringify({
        cmdline: 'ro',
        hashes: { root: 'ab'.repeat(32), kernel: 'ab'.repeat(32), initrd: 'ab'.repeat(32) },
        config: 'AAAA',
        vm_shape: { cpus: 1, memory_mb: 1 },
      }),
    );
    const cmdline =
      'systemd.mask=ssh.service dm-mod.create="a b" blyss_docker_img="--env A=b c/d@sha256:ab e"';
    for (let round = 0; round < rounds; round++) {
      await outcome(() => readMeasuredConfig(damaged(config, random)));
      await outcome(() => parseDeployment(damaged(deployment, random)));
      const line = new TextDecoder().decode(damaged(utf8(cmdline), random));
      assert.equal(parseBlyssCmdline(line, blyssProtocols['v0.0.1']).acceptable, false);
    }
  });
});
