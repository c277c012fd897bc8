/** Proof files in Node and in the browser: what is written is read again, and nothing else is. */
import { equalBytes, utf8 } from '@vitrine/bytes';
import { mutated, randomNumbers } from '../../../evidence/test/mutation.ts';
import { type Suite, ExpectationError, expectEqual, expectTrue } from '../../../evidence/test/suite.ts';
import { type Proof, VerifierError, parseProof, writeProof } from '../../src/index.ts';
import { damages, emptyProof, fullProof, goodFiles, written } from './proofs.ts';

async function expectMalformed(bytes: Uint8Array, what: string): Promise<string> {
  try {
    await parseProof(bytes);
  } catch (error) {
    if (error instanceof VerifierError && error.code === 'PROOF_MALFORMED') return error.message;
    throw new ExpectationError(`${what}: expected PROOF_MALFORMED, found ${String(error)}`, { cause: error });
  }
  throw new ExpectationError(`${what}: it was accepted`);
}

async function expectUnwritable(proof: Proof, what: string): Promise<void> {
  try {
    await writeProof(proof);
  } catch (error) {
    if (error instanceof VerifierError && error.code === 'PROOF_MALFORMED') return;
    throw new ExpectationError(`${what}: expected PROOF_MALFORMED, found ${String(error)}`, { cause: error });
  }
  throw new ExpectationError(`${what}: it was written`);
}

const reading: Suite = {
  name: 'a proof file',
  cases: [
    {
      name: 'is read as what was written',
      run: async () => {
        for (const proof of [emptyProof, fullProof])
          expectEqual(await parseProof(await writeProof(proof)), inOrder(proof));
      },
    },
    {
      name: 'of the same proof has the same bytes, whatever order its headers have',
      run: async () => {
        const withHeaders = (headers: Record<string, string>): Proof => ({
          ...emptyProof,
          answers: [
            {
              request: { kind: 'amd-crl', url: 'https://a.example/' },
              answer: { ok: true, bytes: utf8('x'), headers },
            },
          ],
        });
        expectEqual(
          await writeProof(withHeaders({ a: '1', b: '2' })),
          await writeProof(withHeaders({ b: '2', a: '1' })),
        );
        expectTrue(
          !equalBytes(await writeProof(emptyProof), await writeProof(fullProof)),
          'other proofs have other bytes',
        );
      },
    },
    {
      name: 'holds a body once that occurs twice',
      run: async () => {
        const { answers, blobs } = await written();
        expectEqual(answers[2]!['bytes'], answers[3]!['bytes']);
        // Policy, two certificates, two bodies of questions, four bodies of answers.
        expectEqual(Object.keys(blobs).length, 9);
        expectEqual(Object.keys(blobs), Object.keys(blobs).sort());
      },
    },
    {
      name: 'is good in each of the good vectors',
      run: async () => {
        for (const { name, bytes, isCanonical } of await goodFiles()) {
          const again = await writeProof(await parseProof(bytes));
          expectEqual(equalBytes(again, bytes), isCanonical, name);
        }
      },
    },
    {
      name: 'is refused for each damage, with a sentence that names the file',
      run: async () => {
        for (const { name, bytes } of await damages())
          expectTrue(
            (await expectMalformed(bytes, name)).startsWith('proof'),
            `the sentence of ${name} names the proof`,
          );
      },
    },
    {
      name: 'of a later format is told so before anything else',
      run: async () => {
        const message = await expectMalformed(
          utf8('{"format":"vitrine-proof/v2","more":1}'),
          'a later format',
        );
        expectTrue(message.includes('vitrine-proof/v1'), message);
      },
    },
    {
      name: 'larger than 64 MiB is refused unread',
      run: async () => {
        await expectMalformed(new Uint8Array(64 * 1024 * 1024 + 1), 'a large file');
      },
    },
    {
      name: 'with more answers than a verification asks for is refused',
      run: async () => {
        const proof = await written(emptyProof);
        const failure = { kind: 'amd-crl', code: 'OFFLINE', message: 'x' };
        proof.answers = Array.from({ length: 1025 }, (_, at) => ({
          ...failure,
          url: `https://a.example/${at}`,
        }));
        await expectMalformed(utf8(JSON.stringify(proof)), '1025 answers');
        proof.answers.pop();
        expectEqual((await parseProof(utf8(JSON.stringify(proof)))).answers.length, 1024);
      },
    },
    {
      name: 'damaged at random is refused or read, never an error of another type',
      run: async ({ long }) => {
        const random = randomNumbers(20261125);
        const seed = await writeProof(fullProof);
        for (let round = 0; round < (long ? 20_000 : 1000); round++) {
          try {
            await parseProof(mutated(seed, random));
          } catch (error) {
            if (!(error instanceof VerifierError && error.code === 'PROOF_MALFORMED'))
              throw new ExpectationError(`mutant ${round}: ${String(error)}`, { cause: error });
          }
        }
      },
    },
    {
      name: 'with one bit changed in what it holds is refused',
      run: async () => {
        const proof = await written();
        for (const digest of Object.keys(proof.blobs)) {
          const base64 = proof.blobs[digest]!;
          if (base64 === '') continue;
          const first = base64.startsWith('A') ? 'B' : 'A';
          const changed = { ...proof, blobs: { ...proof.blobs, [digest]: first + base64.slice(1) } };
          await expectMalformed(utf8(JSON.stringify(changed)), `blob ${digest}`);
        }
      },
    },
  ],
};

const writing: Suite = {
  name: 'a proof that could not be read again',
  cases: [
    {
      name: 'is not written: a resource twice',
      run: () =>
        expectUnwritable({ ...fullProof, answers: [...fullProof.answers, fullProof.answers[0]!] }, 'twice'),
    },
    {
      name: 'is not written: no time',
      run: () => expectUnwritable({ ...emptyProof, gatheredAt: new Date(NaN) }, 'no time'),
    },
    {
      name: 'is not written: a short nonce',
      run: () => expectUnwritable({ ...emptyProof, nonce: new Uint8Array(31) }, 'a short nonce'),
    },
    {
      name: 'is not written: half of a surrogate pair',
      run: () =>
        expectUnwritable({ ...emptyProof, endpoint: 'https://a.example/\ud800' }, 'half a character'),
    },
    {
      name: 'is not written: more than 64 MiB',
      run: () => {
        const bytes = new Uint8Array(50 * 1024 * 1024);
        const request = { kind: 'boot-part', url: `sha256:${'0'.repeat(64)}` } as const;
        return expectUnwritable(
          { ...emptyProof, answers: [{ request, answer: { ok: true, bytes } }] },
          '50 MiB',
        );
      },
    },
  ],
};

/** The members in the order in which the parser makes them: `expectEqual` compares as JSON. */
function inOrder(proof: Proof): Proof {
  const {
    endpoint,
    repository,
    requestedDialect,
    dialect,
    gatheredAt,
    nonce,
    policy,
    connection,
    answers,
    memory,
  } = proof;
  return {
    endpoint,
    repository,
    requestedDialect,
    dialect,
    gatheredAt,
    nonce,
    policy,
    connection,
    answers,
    memory,
  };
}

export const suites: readonly Suite[] = [reading, writing];
