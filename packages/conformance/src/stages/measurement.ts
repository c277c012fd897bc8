/** `verify-measurement` and `verify-hardware-measurements`. */
import type { JsonNode } from '@vitrine/bytes';
import {
  fingerprint,
  matchHardware,
  parseRegisterSet,
  requireEqualMeasurements,
} from '@vitrine/measure/predicate';
import { rejecting } from '../rejecting.ts';
import type { Stage } from '../stage.ts';

export const verifyMeasurement: Stage = async (input) => {
  input.onlyNames('schema_version', 'source', 'target');
  const source = readMeasurement(input.get('source'));
  const targetNode = input.optional('target');
  const target = targetNode && !targetNode.isNull() ? readMeasurement(targetNode) : undefined;
  return rejecting(async () => {
    const a = parseRegisterSet(source.type, source.registers);
    if (!target) return { source_fingerprint_hex: await fingerprint(a), target_fingerprint_hex: null };
    const b = parseRegisterSet(target.type, target.registers);
    requireEqualMeasurements(a, b);
    return {
      source_fingerprint_hex: await fingerprint(a),
      target_fingerprint_hex: await fingerprint(b),
    };
  });
};

export const verifyHardwareMeasurements: Stage = async (input) => {
  input.onlyNames('schema_version', 'enclave_measurement', 'hardware_measurements');
  const enclave = readMeasurement(input.get('enclave_measurement'));
  const candidates = input
    .get('hardware_measurements')
    .items()
    .map((entry) => {
      entry.onlyNames('id', 'mrtd', 'rtmr0');
      return {
        id: entry.get('id').string(),
        mrtd: entry.get('mrtd').string(),
        rtmr0: entry.get('rtmr0').string(),
      };
    });
  const match = await rejecting(() => matchHardware(enclave, candidates));
  return { matched_id: match.id, matched_mrtd: match.mrtd, matched_rtmr0: match.rtmr0 };
};

function readMeasurement(node: JsonNode): { type: string; registers: string[] } {
  node.onlyNames('type', 'registers');
  return {
    type: node.get('type').string(),
    registers: node
      .get('registers')
      .items()
      .map((register) => register.string()),
  };
}
