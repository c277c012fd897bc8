/** Rules of a policy that cannot both be meant: each is a mistake that would otherwise refuse everything, or let pass what nobody wants. */
import type { BuilderPolicy, PinnedMeasurement, SnpLine } from '../policy.ts';
import { githubServer, gitlabIssuer } from './default.ts';
import { type Place, PolicyFileError } from './error.ts';
import type { PolicyFile } from './shape.ts';
import { productOfLine } from './tcb-floor.ts';
import type { YamlNode } from './yaml-tree.ts';

interface Contradiction {
  /** Keys from the root; the place is that of the last one that is there. */
  readonly keys: readonly (string | number)[];
  readonly expected: string;
  readonly found: string;
  readonly advice: string;
}

/** @throws PolicyFileError for the first */
export function refuseContradictions(file: PolicyFile, root: YamlNode): void {
  const contradictions = [
    ...ofHardware(file),
    ...ofDevices(file),
    ...ofCode(file),
    ...file.measurements.pinned.flatMap((pinned, at) => [...ofPinned(pinned, at, file)]),
    ...ofMeasurements(file),
    ...ofChannel(file),
  ];
  const [first] = contradictions;
  if (first) throw new PolicyFileError({ ...first, place: placeOf(root, first.keys) });
}

function* ofHardware({ name, hardware: { snp, tdx } }: PolicyFile): Generator<Contradiction> {
  for (const line of Object.keys(snp.minimumTcb) as SnpLine[]) {
    const product = productOfLine[line];
    if (snp.products.includes(product)) continue;
    yield {
      keys: ['hardware', 'sev-snp', 'minimum-tcb', line],
      expected: 'floors for products that are accepted',
      found: `one for ${line}, and ${product} is not among the products`,
      advice: `Add ${product} to products, or remove its floor.`,
    };
  }
  for (const [platform, allowDebug] of [
    ['sev-snp', snp.allowDebug],
    ['tdx', tdx.allowDebug],
  ] as const) {
    if (!allowDebug || /debug/i.test(name)) continue;
    yield {
      keys: ['hardware', platform, 'allow-debug'],
      expected: 'a policy that allows debugging to say so in its name',
      found: `the name ${JSON.stringify(name)}`,
      advice:
        'The host reads everything in such a guest, and results show the name. Put the word debug into it.',
    };
  }
  if (tdx.outOfDateGraceDays > 0 && tdx.acceptedStatuses.includes('OutOfDate'))
    yield {
      keys: ['hardware', 'tdx', 'out-of-date-grace-days'],
      expected: '0, where OutOfDate is among the accepted statuses',
      found: `${tdx.outOfDateGraceDays}`,
      advice: 'As it stands OutOfDate passes for ever. Remove it from accepted-statuses to have the grace.',
    };
  if (!tdx.requireCollateral && tdx.minimumEvaluationDataNumber !== null)
    yield {
      keys: ['hardware', 'tdx', 'minimum-evaluation-data-number'],
      expected: 'no floor, where collateral is not required',
      found: `${tdx.minimumEvaluationDataNumber}`,
      advice: 'The number stands in the collateral. Set require-collateral to true.',
    };
}

function* ofDevices({ devices }: PolicyFile): Generator<Contradiction> {
  if (devices.gpus !== 0) return;
  const demands = [
    ['architectures', devices.architectures],
    ['minimum-driver-version', devices.minimumDriverVersion],
  ] as const;
  for (const [key, demand] of demands)
    if (demand !== null)
      yield {
        keys: ['devices', key],
        expected: 'any, where gpus is 0',
        found: JSON.stringify(demand),
        advice: 'Remove it, or say how many GPUs there are.',
      };
}

function* ofCode({ code: { builders, threshold } }: PolicyFile): Generator<Contradiction> {
  const most = Math.max(builders.length, 1);
  if (threshold > most)
    yield {
      keys: ['code', 'threshold'],
      expected: `at most ${most}, the number of builders`,
      found: `${threshold}`,
      advice: 'Name more builders, or ask for fewer.',
    };
  for (const [at, builder] of builders.entries())
    if ('repository' in builder && builder.issuer === gitlabIssuer && builder.server === githubServer)
      yield {
        keys: ['code', 'builders', at, 'issuer'],
        expected: 'an issuer that says something of workflows of GitHub',
        found: gitlabIssuer,
        advice: 'Write project in the place of repository: a pipeline of GitLab is another kind of builder.',
      };
  if (threshold === 1) return;
  const known = new Map<string, number>();
  for (const [at, builder] of builders.entries()) {
    const { key, hands } = handsOf(builder);
    const twin = known.get(hands);
    known.set(hands, at);
    if (twin === undefined) continue;
    yield {
      keys: ['code', 'builders', at, key],
      expected: `each builder with a ${key} of its own, where more than one must have signed`,
      found: `the ${key} of builder ${twin + 1} again`,
      advice: 'Whoever controls it would count twice. Name builders in other hands.',
    };
  }
}

/** In whose hands it is, as signatures are counted; and the key that says so. */
function handsOf(builder: BuilderPolicy): { readonly key: string; readonly hands: string } {
  if ('repository' in builder)
    return { key: 'repository', hands: `${builder.server}/${builder.repository}`.toLowerCase() };
  if ('project' in builder)
    return { key: 'project', hands: `${builder.issuer}/${builder.project}`.toLowerCase() };
  const { subject, issuer } = builder;
  const hands = subject.includes('://') ? `${subject} by ${issuer}` : subject;
  return { key: 'subject', hands: hands.toLowerCase() };
}

function* ofPinned(pinned: PinnedMeasurement, at: number, file: PolicyFile): Generator<Contradiction> {
  const keys = ['measurements', 'pinned', at, 'registers'];
  const names = Object.keys(pinned.registers);
  const isSnp = names.includes('launchDigest');
  if (isSnp && names.length > 1) {
    yield {
      keys,
      expected: 'registers of one platform',
      found: 'launch-digest, which is of SEV-SNP, with others, which are of TDX',
      advice: 'Make two entries of it.',
    };
    return;
  }
  const platform = isSnp ? 'sev-snp' : 'tdx';
  if (!file.hardware.platforms.includes(platform))
    yield {
      keys,
      expected: `registers of ${file.hardware.platforms.join(' or ')}`,
      found: `those of ${platform}, which is not among the platforms`,
      advice: `Add ${platform} to hardware.platforms, or remove the entry.`,
    };
  const needed = isSnp ? [] : file.measurements.hardware ? ['rtmr1', 'rtmr2'] : ['mrtd', 'rtmr1', 'rtmr2'];
  const missing = needed.filter((name) => !names.includes(name));
  if (missing.length > 0)
    yield {
      keys,
      expected: `${needed.join(', ')} for TDX`,
      found: `no ${missing.join(' and no ')}`,
      advice: 'A pin stands in for a signed release: it must fix firmware, kernel, command line and initrd.',
    };
}

function* ofMeasurements({ hardware, code, measurements }: PolicyFile): Generator<Contradiction> {
  if (measurements.hardware && !hardware.platforms.includes('tdx'))
    yield {
      keys: ['measurements', 'hardware'],
      expected: 'signed, where TDX is not among the platforms',
      found: 'platforms of TDX',
      advice: 'Add tdx to hardware.platforms, or remove the list.',
    };
  if (measurements.modelRoots && measurements.pinned.length > 0 && code.builders.length === 0)
    yield {
      keys: ['measurements', 'model-roots'],
      expected: 'configured, where measurements are pinned and nobody is named who may build',
      found: 'root hashes',
      advice:
        'No signed configuration is there to compare them with: the pin itself fixes the models. Remove them, or name a builder.',
    };
}

function* ofChannel({ channel: { ct } }: PolicyFile): Generator<Contradiction> {
  if (ct.required && ct.minimumOperators === 0)
    yield {
      keys: ['channel', 'ct', 'minimum-operators'],
      expected: 'at least 1, where certificate transparency is required',
      found: '0',
      advice: 'Write 2, as browsers do, or set required to false.',
    };
  if (!ct.required && ct.requireInclusion)
    yield {
      keys: ['channel', 'ct', 'require-inclusion'],
      expected: 'false, where certificate transparency is not required',
      found: 'true',
      advice: 'Set required to true.',
    };
}

function placeOf(root: YamlNode, keys: readonly (string | number)[]): Place {
  let node = root;
  let place = root.place;
  for (const key of keys) {
    if (typeof key === 'number') {
      const item = node.kind === 'list' ? node.items[key] : undefined;
      if (!item) break;
      node = item;
      place = item.place;
      continue;
    }
    const entry = node.kind === 'map' ? node.entries.get(key) : undefined;
    if (!entry) break;
    node = entry.value;
    place = entry.place;
  }
  return place;
}
