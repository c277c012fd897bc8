/** Why something cannot be measured, or measurements differ. Codes are stable. */
export type MeasureErrorCode =
  /** The firmware's tables are not what they must be. */
  | 'FIRMWARE_MALFORMED'
  /** A kernel is given, and the firmware has no place for its hashes: they would not be measured. */
  | 'KERNEL_HASHES_UNSUPPORTED'
  | 'KERNEL_MALFORMED'
  /** An input is out of range, missing, or does not go together with another. */
  | 'INPUT_INVALID'
  /** An ID block or its authentication information has a wrong form. */
  | 'ID_BLOCK_MALFORMED'
  /** An ID block, or the key that signed it, is not signed by the key given with it. */
  | 'ID_BLOCK_SIGNATURE_INVALID'
  /** A manifest of a measurement is not what it must be. */
  | 'MANIFEST_MALFORMED'
  | 'MEASUREMENT_TYPE_UNKNOWN'
  | 'MEASUREMENT_REGISTER_COUNT_INVALID'
  | 'MEASUREMENT_TYPE_COMBINATION_UNSUPPORTED'
  | 'MEASUREMENT_MISMATCH'
  /** RTMR3 is used where it must not be. */
  | 'MEASUREMENT_RTMR3_NONZERO'
  /** No platform of the list has these MRTD and RTMR0. */
  | 'HARDWARE_NO_MATCH'
  | 'ENCLAVE_MEASUREMENT_TYPE_INVALID'
  | 'ENCLAVE_REGISTER_COUNT_INVALID';

export class MeasureError extends Error {
  override readonly name = 'MeasureError';
  readonly code: MeasureErrorCode;

  constructor(code: MeasureErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
