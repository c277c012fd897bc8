/** What a failure means for the person who asks, for rules whose own words are for experts. */
const consequences: Readonly<Record<string, string>> = {
  GUEST_POLICY_DEBUG_SET: 'whoever runs the machine may read and change its memory',
  GUEST_POLICY_MIGRATE_MA_SET:
    'the machine may be moved, with its memory, by something that was not measured',
  VMPL_MISMATCH: 'something else in the VM than the system that was measured asked for the report',
  TD_ATTRIBUTES_DEBUG_SET: 'whoever runs the machine may read and change its memory',
  TCB_OUT_OF_DATE: 'weaknesses of such firmware are public',
  QV_RESULT_NOT_ACCEPTED_BY_POLICY:
    'weaknesses of such firmware are public, or its configuration is not safe',
  GPU_COUNT_MISMATCH: 'a GPU that is not shown may be outside confidential mode, and sees what it works on',
  GPU_DEVICE_REPEATED: 'one device stands in for another, which is not shown',
  GPU_MEASUREMENT_MISMATCH: 'the GPU runs firmware that NVIDIA did not publish, and sees what it works on',
  WORKFLOW_REF_PREFIX_MISMATCH:
    'what was built there is no release: others than those who release may have written it',
  WORKFLOW_REPOSITORY_MISMATCH: 'somebody else built it',
  OIDC_ISSUER_MISMATCH: 'somebody else signed it',
  RUNNER_ENVIRONMENT_MISMATCH: 'whoever owns that machine may have built something else from the same source',
  DEPLOYMENT_MISMATCH: 'the file that people read is not what was signed',
  CONFIG_HASH_MISMATCH: 'the configuration that was measured is not the one that is shown',
  DEBUG_ENABLED: 'whoever runs the machine can step in',
  MEASUREMENT_RTMR3_NONZERO: 'something was loaded after the start that is not part of the release',
  HARDWARE_NO_MATCH: 'nobody whom the policy trusts says that this firmware is good',
  SCT_INSUFFICIENT: 'others may never see that this certificate was issued',
};

/** One clause without an end; undefined for codes that need none. */
export function consequenceOf(code: string | undefined): string | undefined {
  return code !== undefined && Object.hasOwn(consequences, code) ? consequences[code] : undefined;
}
