/**
 * `tinfoil-config.yml`, whose hash is measured with the command line: the facts that verification needs, of the form of
 * 2025 and of today's. Whether the rest of it follows its schema is for another step.
 */
import { type ConfigNode, parseConfigYaml } from './config-yaml.ts';
import { malformed, quoted, readPart } from './reading.ts';

export interface MeasuredConfig {
  /** "0.11.0", with a digest where it has one. */
  readonly cvmVersion?: string | undefined;
  readonly cpus: number;
  readonly memoryMib: number;
  readonly gpus: number;
  readonly models: readonly MeasuredModel[];
  readonly containers: readonly MeasuredContainer[];
  readonly shim: MeasuredShim;
  /** Evidence may be a dummy: development only. */
  readonly isDummyAttestation: boolean;
}

export interface MeasuredModel {
  readonly name?: string | undefined;
  /** "owner/name@revision" */
  readonly repo?: string | undefined;
  /** Public pack under its old or new name, or encrypted. */
  readonly kind: 'mpk' | 'mwp' | 'emwp';
  /** ROOT_OFFSET_UUID as written. */
  readonly info: string;
  /** dm-verity root hash, 64 hexadecimal digits. */
  readonly rootHash: string;
  /** Bytes from the pack's beginning to its hash tree's superblock. */
  readonly hashOffsetBytes: number;
  readonly uuid: string;
}

export interface MeasuredContainer {
  readonly name: string;
  readonly image: string;
  /** The image is named by a SHA-256 digest. */
  readonly isPinned: boolean;
}

export interface MeasuredShim {
  /** Names in the configuration itself: of the form of 2025 only, where they count. */
  readonly domains: readonly string[];
  readonly tlsMode?: string | undefined;
  readonly isWildcard: boolean;
  /** Names that commit to the evidence lie under the owner's own domain. */
  readonly isOwnSanDomain: boolean;
  readonly publishesAttestation: boolean;
}

const what = 'tinfoil-config.yml';
const MAX_MODELS = 64;
const MAX_CONTAINERS = 64;
const MAX_DOMAINS = 256;
const BLOCK_BYTES = 4096;

/** @throws VerifierError DOCUMENT_MALFORMED */
export function readMeasuredConfig(bytes: Uint8Array): MeasuredConfig {
  return readPart(what, () => {
    const root = new ConfigMap(parseConfigYaml(bytes, what));
    const shim = root.map('shim');
    return {
      cvmVersion: root.text('cvm-version'),
      cpus: root.requiredInteger('cpus', 1, 4096),
      memoryMib: root.requiredInteger('memory', 1, 2 ** 26),
      gpus: root.integer('gpus', 0, 64) ?? 0,
      models: root.list('models', MAX_MODELS).map(readModel),
      containers: root.list('containers', MAX_CONTAINERS).map(readContainer),
      shim: readShim(shim),
      isDummyAttestation: shim.flag('dummy-attestation') ?? false,
    };
  });
}

function readModel(node: ConfigNode): MeasuredModel {
  const model = new ConfigMap(node);
  const kinds = (['mpk', 'mwp', 'emwp'] as const).filter((kind) => model.has(kind));
  const [kind] = kinds;
  if (!kind || kinds.length > 1)
    throw malformed(node.path, 'exactly one of mpk, mwp and emwp', kinds.join(' and ') || 'none');
  const info = model.requiredText(kind);
  const parts = /^([0-9a-f]{64})_(0|[1-9][0-9]{0,15})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(
    info,
  );
  const hashOffsetBytes = Number(parts?.[2]);
  if (!parts || hashOffsetBytes === 0 || hashOffsetBytes % BLOCK_BYTES !== 0)
    throw malformed(`${node.path}.${kind}`, `ROOT_OFFSET_UUID with an offset in whole blocks`, quoted(info));
  return {
    name: model.text('name'),
    repo: model.text('repo'),
    kind,
    info,
    rootHash: parts[1]!,
    hashOffsetBytes,
    uuid: parts[3]!,
  };
}

function readContainer(node: ConfigNode): MeasuredContainer {
  const container = new ConfigMap(node);
  const image = container.requiredText('image');
  return {
    name: container.requiredText('name'),
    image,
    isPinned: /^[^@\s]+@sha256:[0-9a-f]{64}$/.test(image),
  };
}

function readShim(shim: ConfigMap): MeasuredShim {
  return {
    domains: shim.list('domains', MAX_DOMAINS).map(plainText),
    tlsMode: shim.text('tls-mode'),
    isWildcard: shim.flag('tls-wildcard') ?? false,
    isOwnSanDomain: shim.flag('tls-own-san-domain') ?? false,
    publishesAttestation: shim.flag('publish-attestation') ?? true,
  };
}

/** A map that is asked for what it should hold. `key:` with nothing behind it is as if the key were not there. */
class ConfigMap {
  readonly #node: ConfigNode;

  constructor(node: ConfigNode) {
    if (node.kind !== 'map') throw malformed(node.path, 'a map', kindOf(node));
    this.#node = node;
  }

  #get(key: string): ConfigNode | undefined {
    const member = this.#node.kind === 'map' ? this.#node.entries.get(key) : undefined;
    return member?.kind === 'empty' ? undefined : member;
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined;
  }

  map(key: string): ConfigMap {
    return new ConfigMap(
      this.#get(key) ?? { kind: 'map', path: `${this.#node.path}.${key}`, entries: new Map() },
    );
  }

  list(key: string, maximum: number): readonly ConfigNode[] {
    const member = this.#get(key);
    if (!member) return [];
    if (member.kind !== 'list') throw malformed(member.path, 'a list', kindOf(member));
    if (member.items.length > maximum)
      throw malformed(member.path, `at most ${maximum} items`, `${member.items.length}`);
    return member.items;
  }

  text(key: string): string | undefined {
    const member = this.#get(key);
    return member && plainText(member);
  }

  requiredText(key: string): string {
    const text = this.text(key);
    if (text === undefined || text === '') throw malformed(`${this.#node.path}.${key}`, 'a text', 'nothing');
    return text;
  }

  integer(key: string, min: number, max: number): number | undefined {
    const member = this.#get(key);
    if (!member) return undefined;
    const isDigits =
      member.kind === 'scalar' && !member.isQuoted && /^(0|[1-9][0-9]{0,15})$/.test(member.text);
    const value = isDigits ? Number(member.text) : NaN;
    if (!(value >= min && value <= max))
      throw malformed(member.path, `an integer from ${min} to ${max}`, kindOf(member));
    return value;
  }

  requiredInteger(key: string, min: number, max: number): number {
    const value = this.integer(key, min, max);
    if (value === undefined) throw malformed(`${this.#node.path}.${key}`, 'an integer', 'nothing');
    return value;
  }

  /** "yes" and "on" are true to some parsers and text to others: neither is taken. */
  flag(key: string): boolean | undefined {
    const member = this.#get(key);
    if (!member) return undefined;
    const text = member.kind === 'scalar' && !member.isQuoted ? member.text : undefined;
    if (text !== 'true' && text !== 'false') throw malformed(member.path, 'true or false', kindOf(member));
    return text === 'true';
  }
}

function plainText(node: ConfigNode): string {
  if (node.kind !== 'scalar') throw malformed(node.path, 'a text', kindOf(node));
  if (node.text.length > 4096) throw malformed(node.path, 'at most 4096 characters', `${node.text.length}`);
  return node.text;
}

function kindOf(node: ConfigNode): string {
  return node.kind === 'scalar' ? quoted(node.text) : node.kind === 'empty' ? 'nothing' : `a ${node.kind}`;
}
