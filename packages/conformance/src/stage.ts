/** What a stage is: JSON in, a verdict out. */
import type { JsonNode, JsonValue } from '@vitrine/bytes';

/** Exit status of the command, by verdict. */
export const EXIT = { accept: 0, internalError: 1, reject: 10, unsupported: 20, malformed: 30 } as const;

/** Outputs of an input that is accepted; a Rejection is thrown for one that is not. */
export type Stage = (input: JsonNode, context: StageContext) => Promise<Readonly<Record<string, JsonValue>>>;

export interface StageContext {
  /** Where an input leaves out its time. */
  readonly now: Date;
}

interface RejectionOptions extends ErrorOptions {
  readonly outputs?: Readonly<Record<string, JsonValue>>;
  readonly stage?: string;
}

/** The input is well-formed, and refused. */
export class Rejection extends Error {
  override readonly name = 'Rejection';
  readonly code: string;
  /** What was found all the same, where a stage of ours says so. */
  readonly outputs: Readonly<Record<string, JsonValue>> | undefined;
  /** Which part of a stage that has several. */
  readonly stage: string | undefined;

  constructor(code: string, message: string, options?: RejectionOptions) {
    super(message, options);
    this.code = code;
    this.outputs = options?.outputs;
    this.stage = options?.stage;
  }
}

/** The input is not what the stage's schema says. */
export class MalformedInput extends Error {
  override readonly name = 'MalformedInput';
}
