/**
 * A Blyss kernel command line: taken apart, compared with the protocol, and put together again, so that no word is
 * there that the protocol does not know. Values of environment variables are never repeated: some are credentials.
 */
import { type Appraisal, type Check, appraisalOf, decided, failed, notChecked } from '@vitrine/appraisal';
import { type BlyssProtocol, type BlyssRole, blyssRoles, diskWords } from './protocol.ts';
import { splitWords } from './shell-words.ts';

export interface BlyssContainer {
  readonly role: BlyssRole;
  /** Name without tag and digest. */
  readonly image: string;
  readonly tag: string | undefined;
  /** SHA-256, hexadecimal; undefined: whoever controls the registry decides what runs. */
  readonly digest: string | undefined;
  /** Names only. */
  readonly environment: readonly string[];
  /** How many words follow the image; what they are is not restricted by the protocol. */
  readonly argumentCount: number;
}

/** `acceptable` says that no rule failed. */
export interface BlyssCmdline extends Appraisal {
  readonly containers: readonly BlyssContainer[];
  /** dm-verity root hashes of the disks that the line mounts. */
  readonly packs: readonly string[];
  /** The words before the disk's. */
  readonly security: string;
}

const parameters: Readonly<Record<BlyssRole, string>> = {
  shim: 'blyss_shim_docker_img',
  ui: 'blyss_ui_docker_img',
  application: 'blyss_docker_img',
};
const source = 'Blyss protocol v0.0.1, kernel command line';

/**
 * @param cmdline without the ` initrd=initrd` that the loader adds
 * @returns every rule with its outcome; nothing throws, whatever the line is
 */
export function parseBlyssCmdline(cmdline: string, protocol: BlyssProtocol): BlyssCmdline {
  const words = /^[\x20-\x7e]{0,16384}$/.test(cmdline) ? splitWords(cmdline) : undefined;
  if (!words) return unreadable(protocol);
  const readings = blyssRoles.map((role) => readContainer(role, words));
  const checks = [
    syntaxCheck(true),
    securityCheck(cmdline, protocol),
    diskCheck(cmdline, protocol),
    ...readings.flatMap((reading) => containerChecks(reading, protocol)),
    wholeCheck(cmdline, words, readings, protocol),
  ];
  return {
    ...appraisalOf(checks),
    containers: readings.flatMap(({ container }) => (container ? [container] : [])),
    packs: [...new Set(words.flatMap(verityRoots))],
    security: securityOf(cmdline),
  };
}

function syntaxCheck(holds: boolean): Check {
  return decided(
    holds,
    {
      rule: 'blyss.cmdline.syntax',
      expected: 'at most 16384 signs of printable ASCII, quotes closed',
      found: holds ? 'words' : 'an open quote, or a sign that is not printable ASCII',
      source,
    },
    'CMDLINE_MALFORMED',
  );
}

function unreadable(protocol: BlyssProtocol): BlyssCmdline {
  const rest = ['security', 'disk', ...blyssRoles.map((role) => `image.${role}`), 'whole'];
  const checks = rest.map((name) =>
    notChecked(
      { rule: `blyss.cmdline.${name}`, expected: `as protocol ${protocol.version} says`, source },
      'the line cannot be read',
    ),
  );
  return { ...appraisalOf([syntaxCheck(false), ...checks]), containers: [], packs: [], security: '' };
}

function securityCheck(cmdline: string, { security }: BlyssProtocol): Check {
  return decided(
    cmdline.startsWith(`${security} `),
    {
      rule: 'blyss.cmdline.security',
      expected: `${security}, first`,
      found: namesOf(securityOf(cmdline).split(' ')) || 'nothing',
      source,
    },
    'CMDLINE_SECURITY_MISMATCH',
  );
}

/** What stands before the disk's words. */
function securityOf(cmdline: string): string {
  const end = cmdline.indexOf('fsck.mode=');
  return end < 0 ? '' : cmdline.slice(0, end).trim();
}

function diskCheck(cmdline: string, protocol: BlyssProtocol): Check {
  const expected = diskWords(protocol);
  const found = /dm-mod\.create="[^"]*"/.exec(cmdline)?.[0] ?? 'no dm-mod.create';
  return decided(
    ` ${cmdline} `.includes(` ${expected} `),
    { rule: 'blyss.cmdline.disk', expected, found, source },
    'CMDLINE_DISK_MISMATCH',
    'the root disk is not the one of the protocol, or is mounted in another way',
  );
}

/** Behind the name of the hash, in the table of the verity target. */
function verityRoots(word: string): string[] {
  const table = word.startsWith('dm-mod.create=') ? word.split(' ') : [];
  return table.filter((part, at) => table[at - 1] === 'sha256' && /^[0-9a-f]{64}$/.test(part));
}

interface Reading {
  readonly role: BlyssRole;
  readonly value: string | undefined;
  readonly container: BlyssContainer | undefined;
  /** Why there is no container. */
  readonly problem: string;
}

function readContainer(role: BlyssRole, words: readonly string[]): Reading {
  const prefix = `${parameters[role]}=`;
  const values = words.filter((word) => word.startsWith(prefix)).map((word) => word.slice(prefix.length));
  const [value] = values;
  if (value === undefined || values.length > 1)
    return { role, value: undefined, container: undefined, problem: `the parameter ${values.length} times` };
  const outcome = parseContainer(role, value);
  return typeof outcome === 'string'
    ? { role, value, container: undefined, problem: outcome }
    : { role, value, container: outcome, problem: '' };
}

/** `--env NAME=VALUE` any number of times, the image, its arguments. */
function parseContainer(role: BlyssRole, value: string): BlyssContainer | string {
  const words = splitWords(value);
  if (!words) return 'an open quote';
  const environment: string[] = [];
  let at = 0;
  for (; words[at] === '--env'; at += 2) {
    const name = /^([A-Za-z_][A-Za-z0-9_]*)(=|$)/.exec(words[at + 1] ?? '')?.[1];
    if (name === undefined) return '--env without a variable';
    environment.push(name);
  }
  const reference = words[at];
  if (reference === undefined) return 'no image';
  if (reference.startsWith('-'))
    return `an option that is not --env: ${reference.split('=')[0]!.slice(0, 40)}`;
  const parts =
    /^([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@sha256:([0-9a-f]{64}))?$/.exec(
      reference,
    );
  if (!parts) return 'an image name that is not one';
  return {
    role,
    image: parts[1]!,
    tag: parts[2],
    digest: parts[3],
    environment,
    argumentCount: words.length - at - 1,
  };
}

function containerChecks({ role, container, problem }: Reading, { images }: BlyssProtocol): Check[] {
  const expected = images[role];
  const named = { rule: `blyss.cmdline.image.${role}`, expected: `${expected}@sha256:…`, source };
  const pinned = { rule: `blyss.cmdline.pinned.${role}`, expected: `${expected}@sha256:…`, source };
  if (!container)
    return [
      failed({ ...named, found: problem }, 'CMDLINE_IMAGE_MALFORMED'),
      notChecked(pinned, 'there is no image to look at'),
    ];
  const { image, tag, digest } = container;
  const found = `${image}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@sha256:${digest}`}`;
  return [
    decided(image === expected, { ...named, found }, 'CMDLINE_IMAGE_MISMATCH'),
    decided(
      digest !== undefined,
      { ...pinned, found },
      'IMAGE_UNPINNED',
      'whoever controls the registry decides what runs',
    ),
  ];
}

/** The protocol's words around the containers' values must give the very same line. */
function wholeCheck(
  cmdline: string,
  words: readonly string[],
  readings: readonly Reading[],
  protocol: BlyssProtocol,
): Check {
  const containers = readings.map(({ role, value = '' }) => `${parameters[role]}="${value}"`);
  const rebuilt = [protocol.security, diskWords(protocol), ...containers].join(' ');
  const known = new Set(splitWords(rebuilt));
  const extra = words.filter((word) => !known.has(word));
  return decided(
    cmdline === rebuilt,
    {
      rule: 'blyss.cmdline.whole',
      expected: 'security, disk, shim, ui, application, and nothing else',
      found:
        cmdline === rebuilt
          ? 'exactly these'
          : extra.length > 0
            ? `also: ${namesOf(extra)}`
            : 'the same words in another order, spacing or quoting, or some of them missing or twice',
      source,
    },
    'CMDLINE_NOT_RECONSTRUCTED',
  );
}

/** Values may be secrets: only what stands before the sign of equality is shown. */
function namesOf(words: readonly string[]): string {
  const names = words.slice(0, 8).map((word) => word.split('=')[0]!.slice(0, 40));
  return names.join(', ') + (words.length > 8 ? ', …' : '');
}
