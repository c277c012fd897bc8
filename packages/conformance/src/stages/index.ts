/** Every stage by its name on the command line. */
import type { Stage } from '../stage.ts';
import { verifyAttestationNvidia } from './attestation-nvidia.ts';
import { verifyAttestationSev } from './attestation-sev.ts';
import { verifyAttestationTdx } from './attestation-tdx.ts';
import { verifyEhbpKeyBinding } from './ehbp-key-binding.ts';
import { verifyFull } from './full.ts';
import { measureSnpStage } from './measure-snp.ts';
import { measureTdxStage } from './measure-tdx.ts';
import { verifyHardwareMeasurements, verifyMeasurement } from './measurement.ts';
import { verifySigstore } from './sigstore.ts';

export const stages: Readonly<Record<string, Stage>> = {
  'verify-sigstore': verifySigstore,
  'verify-attestation-sev': verifyAttestationSev,
  'verify-attestation-tdx': verifyAttestationTdx,
  'verify-measurement': verifyMeasurement,
  'verify-hardware-measurements': verifyHardwareMeasurements,
  'verify-ehbp-key-binding': verifyEhbpKeyBinding,
  'verify-full': verifyFull,
  'verify-attestation-nvidia': verifyAttestationNvidia,
  'measure-snp': measureSnpStage,
  'measure-tdx': measureTdxStage,
};
