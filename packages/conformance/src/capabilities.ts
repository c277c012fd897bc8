/** What `vitrine-conformance capabilities` says: the contract's own stages; ours (`verify-attestation-nvidia`, `measure-*`) are not in its list. */
import type { JsonValue } from '@vitrine/bytes';

export const capabilities: JsonValue = {
  schema_version: '1',
  sdk: 'vitrine',
  sdk_version: '0.1.0',
  stages_supported: [
    'verify-attestation-sev',
    'verify-attestation-tdx',
    'verify-measurement',
    'verify-hardware-measurements',
    'verify-ehbp-key-binding',
  ],
  measurement: { compare_multiplatform_to_tdx_supported: true },
  attestation_sev: {
    supported: true,
    injected_collateral_supported: true,
    extended_checks_supported: true,
    amd_root_ca_injection_supported: true,
    verification_time_override: 'supported',
    public_api_hooks_supported: true,
  },
  attestation_tdx: {
    supported: true,
    injected_collateral_supported: true,
    verification_time_override: 'supported',
    tcb_evaluation_supported: true,
    public_api_hooks_supported: true,
    extended_td_checks_supported: true,
    accepts_non_terminal_tcb_statuses: true,
    enforces_tcb_evaluation_data_number_minimum: true,
    policy_fields_supported: { expected_fmspc_hex: true, accepted_qv_results: true },
  },
  platforms_supported: ['sev-snp', 'tdx'],
  ehbp: { key_binding_supported: true },
};
