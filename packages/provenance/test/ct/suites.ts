/** Suites that run in Node and in a browser alike: the whole way of a certificate, and bytes that nobody meant well. */
import { parsePem, utf8 } from '@vitrine/bytes';
import {
  type CtLog,
  appraiseCt,
  appraiseInclusion,
  appraiseTlsCertificate,
  authenticateTreeHead,
  decodeDcode,
  embeddedScts,
  findLog,
  inclusionTargets,
  leafIndexOf,
  parseHost,
  parseLogList,
  parseSct,
  parseSctList,
  precertEntry,
  precertSignedData,
  proveInclusion,
  subjectNames,
  verifySct,
} from '@vitrine/provenance/ct';
import { builtInLogList } from '@vitrine/provenance/ct/log-list';
import { ctLogListJson, encodeSctList } from '@vitrine/simtee/ct';
import { parseCertificate } from '@vitrine/x509';
import { fuzz } from '../../../evidence/test/mutation.ts';
import { type Suite, type SuiteContext, expectEqual, expectTrue } from '../../../evidence/test/suite.ts';
import { authenticated, issue, listOf, listedAt, log, now, theAuthority } from './world.ts';
import { verificationKey } from './keys.ts';

const whole: Suite = {
  name: 'a certificate from the logs to the verdict',
  cases: [
    {
      name: 'chain, names, timestamps and inclusion of an RFC 6962 log and a static-ct log all pass',
      run: async () => {
        const logs = [await log('Alder'), await log('Birch', { kind: 'static-ct' })];
        const server = await issue(logs);
        const { chain, certificate } = server;
        const anchors = [(await theAuthority()).root.certificate];
        const tls = await appraiseTlsCertificate({ chain, hostname: 'api.example.org', anchors, now });
        expectEqual(tls.acceptable, true);
        expectEqual(tls.path[0]!.der, certificate.der);
        const scts = await authenticated(server, logs);
        const failures = appraiseCt(scts).filter(({ outcome }) => outcome !== 'pass');
        expectEqual(failures, []);
        const outcomes = await Promise.all(
          (await inclusionTargets(scts)).map((target) =>
            proveInclusion(target, async ({ url }) => {
              const answers = await Promise.all(logs.map((one) => one.answer(url, now)));
              return answers.find((answer) => answer !== undefined);
            }),
          ),
        );
        expectEqual(appraiseInclusion(outcomes, 2).outcome, 'pass');
      },
    },
    {
      name: 'a forged timestamp, another name and an expired certificate do not',
      run: async () => {
        const logs = [await log('Alder'), await log('Birch')];
        const server = await issue(logs, { sctDefects: [{ forged: true }] });
        const checks = appraiseCt(await authenticated(server, logs));
        expectTrue(
          checks.some(({ code }) => code === 'SCT_SIGNATURE_INVALID'),
          'a failure',
        );
        const anchors = [(await theAuthority()).root.certificate];
        const tls = await appraiseTlsCertificate({
          chain: server.chain,
          hostname: 'other.example.org',
          anchors,
          now: new Date('2027-11-25T00:00:00Z'),
        });
        const codes = tls.checks.flatMap(({ code }) => (code === undefined ? [] : [code]));
        expectEqual(codes, ['TLS_CERT_EXPIRED', 'TLS_NAME_MISMATCH']);
      },
    },
    {
      name: 'the built-in log list is read whole',
      run: async () => {
        const list = await builtInLogList();
        expectEqual(list.skipped, []);
        expectTrue(list.logs.length > 50, 'more than fifty logs');
      },
    },
    {
      name: 'a real timestamp verifies, and not with another issuer',
      needsFixtures: true,
      run: async (context) => {
        const certificate = await pem(context, 'cert_embedded_sct.pem').then((der) => parseCertificate(der));
        const issuer = parseCertificate(await pem(context, 'ca.pem'));
        const key = verificationKey(await pem(context, 'log_public_key.pem'));
        const [sct] = embeddedScts(certificate);
        const verifies = async (spki: Uint8Array) =>
          verifySct(sct!, await precertSignedData(sct!, certificate, spki), key);
        expectEqual(await verifies(issuer.subjectPublicKeyInfo), true);
        expectEqual(await verifies(certificate.subjectPublicKeyInfo), false);
      },
    },
  ],
};

const hostile: Suite = {
  name: 'certificate transparency under damaged bytes',
  cases: [
    fuzzCase('lists of timestamps', async () => {
      const scts = await sctBytes();
      return {
        seeds: [encodeSctList(scts)],
        parse: (bytes) => parseSctList(bytes).map((sct) => tryIndex(sct)),
      };
    }),
    fuzzCase('timestamps', async () => ({ seeds: await sctBytes(), parse: parseSct })),
    fuzzCase('certificates with timestamps', async () => {
      const { certificate } = await issue([await log('Alder')]);
      return {
        seeds: [certificate.der],
        parse: async (bytes) => {
          const parsed = parseCertificate(bytes);
          embeddedScts(parsed);
          subjectNames(parsed);
          return precertEntry(parsed, parsed.subjectPublicKeyInfo);
        },
      };
    }),
    fuzzCase('log lists', async () => {
      const logs = [await log('Alder'), await log('Birch', { kind: 'static-ct' })];
      return { seeds: [ctLogListJson(logs, { timestamp: listedAt })], parse: parseLogList };
    }),
    fuzzCase('tree heads', async () => {
      const { server, listed } = await filled('rfc6962');
      return {
        seeds: [await server.signedTreeHead(now)],
        parse: (bytes) => authenticateTreeHead(listed, bytes),
      };
    }),
    fuzzCase('checkpoints', async () => {
      const { server, listed } = await filled('static-ct');
      return { seeds: [await server.checkpoint(now)], parse: (bytes) => authenticateTreeHead(listed, bytes) };
    }),
    fuzzCase('names', () =>
      Promise.resolve({
        seeds: ['00mzxw6ytb.hpke.svc.test', '2001:db8::1', '*.example.org'].map(utf8),
        parse: (bytes: Uint8Array) => {
          const text = String.fromCharCode(...bytes);
          parseHost(text);
          return decodeDcode([text, '00aa.hpke.svc.test'], 'hpke');
        },
      }),
    ),
  ],
};

export const suites: readonly Suite[] = [whole, hostile];

interface Target {
  readonly seeds: readonly Uint8Array[];
  readonly parse: (bytes: Uint8Array) => unknown;
}

function fuzzCase(what: string, target: () => Promise<Target>): Suite['cases'][number] {
  return {
    name: `${what} get an answer or a typed refusal, and soon`,
    run: async ({ long }) => {
      const { seeds, parse } = await target();
      await fuzz(seeds, long ? 20_000 : 1500, parse);
    },
  };
}

async function sctBytes(): Promise<Uint8Array[]> {
  const entry = utf8('an entry');
  const logs = [await log('Alder'), await log('Birch', { kind: 'static-ct' })];
  return Promise.all(logs.map((one) => one.submit(entry, listedAt)));
}

function tryIndex(sct: ReturnType<typeof parseSct>): bigint | undefined {
  return sct.extensions.length > 0 ? leafIndexOf(sct) : undefined;
}

async function filled(kind: CtLog['kind']) {
  const server = await log('Alder', { kind });
  for (let at = 0; at < 5; at++) await server.tree.append(utf8(`${at}`));
  return { server, listed: findLog(await listOf([server]), server.logId)! };
}

async function pem({ fixture }: SuiteContext, name: string): Promise<Uint8Array> {
  const text = new TextDecoder().decode(await fixture(`ct/go-ct/${name}`));
  return parsePem(text.replaceAll('----------BEGIN', '-----\n-----BEGIN'), name)[0]!.bytes;
}
