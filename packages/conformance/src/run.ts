/** Runs one stage: bytes of JSON in, exit status and JSON out. */
import { BytesError, type JsonNode, type JsonValue, parseJson } from '@vitrine/bytes';
import { capabilities } from './capabilities.ts';
import { EXIT, MalformedInput, Rejection, type StageContext } from './stage.ts';
import { stages } from './stages/index.ts';

export interface Outcome {
  readonly exitStatus: number;
  /** What goes to standard output; nothing where the input was malformed or the stage is not supported. */
  readonly output: JsonValue | undefined;
  /** For people: standard error. */
  readonly message: string | undefined;
}

const MAX_INPUT_BYTES = 128 * 1024 * 1024;

/** @param words the command line: a stage, or `capabilities` */
export async function run(
  words: readonly string[],
  readInput: () => Promise<Uint8Array> | Uint8Array,
  context: StageContext,
): Promise<Outcome> {
  const [name = '', ...others] = words;
  if (name === 'capabilities' && others.length === 0)
    return { exitStatus: EXIT.accept, output: capabilities, message: undefined };
  const stage = Object.hasOwn(stages, name) ? stages[name] : undefined;
  if (!stage || others.length > 0) {
    const known = ['capabilities', ...Object.keys(stages)].join(', ');
    return {
      exitStatus: EXIT.unsupported,
      output: undefined,
      message: `Stage "${words.join(' ').slice(0, 60)}" is not supported. Supported: ${known}.`,
    };
  }
  try {
    const outputs = await stage(parseInput(await readInput()), context);
    return {
      exitStatus: EXIT.accept,
      output: { stage: name, accepted: true, outputs },
      message: undefined,
    };
  } catch (error) {
    return failure(name, error);
  }
}

function parseInput(bytes: Uint8Array): JsonNode {
  const input = parseJson(bytes, 'input', { maxBytes: MAX_INPUT_BYTES });
  input.get('schema_version').word('1');
  return input;
}

function failure(stage: string, error: unknown): Outcome {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Rejection) {
    const part = error.stage === undefined ? {} : { stage: error.stage };
    const rejection = { code: error.code, ...part };
    const outputs = error.outputs ? { outputs: error.outputs } : {};
    return { exitStatus: EXIT.reject, output: { stage, accepted: false, rejection, ...outputs }, message };
  }
  if (error instanceof BytesError || error instanceof MalformedInput)
    return { exitStatus: EXIT.malformed, output: undefined, message };
  return { exitStatus: EXIT.internalError, output: undefined, message };
}
