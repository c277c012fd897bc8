/** Telling what a file is: mutants of every kind get a kind or none, and never an error. */
import { toBase64, toHex, utf8 } from '@vitrine/bytes';
import { issueTdxQuote } from '@vitrine/simtee';
import { identifyEvidence, unwrapped } from '../src/kind.ts';
import { fuzz } from './mutation.ts';
import { type Suite, ExpectationError, expectEqual } from './suite.ts';
import { simulated } from './tdx/simulated.ts';

const COUNT = 100_000;

/** Any error fails, typed or not: a name is no promise, and none is needed to look. */
function neverThrows(step: (bytes: Uint8Array) => unknown): (bytes: Uint8Array) => void {
  return (bytes) => {
    try {
      step(bytes);
    } catch (cause) {
      throw new ExpectationError(`it was looked at, and threw: ${String(cause)}`, { cause });
    }
  };
}

export const kindSuite: Suite = {
  name: 'kinds of evidence',
  cases: [
    {
      name: `${COUNT} mutants of quotes, certificates and JSON are of a kind or of none`,
      run: async () => {
        const { platform } = await simulated();
        const quote = await issueTdxQuote({ ...platform, chainPem: 'chain' });
        const json = [
          '{"tcbInfo":{},"signature":""}',
          '[["JWT","a.b.c"],{}]',
          '[{"evidence":"","certificate":""}]',
        ];
        const seeds = [quote, platform.pck.certificate.der, ...json.map((text) => utf8(text))];
        expectEqual(
          seeds.map((seed) => identifyEvidence(seed)),
          ['tdx-quote', 'certificate', 'intel-tcb-info', 'nvidia-token', 'nvidia-evidence'],
        );
        await fuzz(seeds, COUNT, neverThrows(identifyEvidence));
      },
    },
    {
      name: `${COUNT} mutants of hexadecimal and base64 text are bytes`,
      run: async () => {
        const bytes = Uint8Array.from({ length: 48 }, (_, at) => at * 5);
        const seeds = [utf8(`0x${toHex(bytes)}\n`), utf8(toBase64(bytes).replaceAll(/.{20}/g, '$&\n'))];
        for (const seed of seeds) expectEqual(unwrapped(seed), bytes);
        await fuzz(seeds, COUNT, neverThrows(unwrapped));
      },
    },
  ],
};
