/** `measure-tdx`: MRTD, and RTMR1 and RTMR2 of a direct boot. */
import { toHex } from '@vitrine/bytes';
import { measureTdx } from '@vitrine/measure';
import { rejecting } from '../rejecting.ts';
import { Rejection, type Stage } from '../stage.ts';

export const measureTdxStage: Stage = async (input) => {
  input.onlyNames(
    'schema_version',
    'firmware_b64',
    'ordering',
    'kernel_b64',
    'initrd_b64',
    'cmdline',
    'memory_mib',
  );
  const firmware = input.get('firmware_b64').base64();
  const ordering = input.get('ordering').word('single-pass', 'two-pass');
  const kernel = input.optional('kernel_b64')?.base64();
  const initrd = input.optional('initrd_b64')?.base64();
  const cmdline = input.optional('cmdline')?.string();
  const memoryMib = input.optional('memory_mib')?.number();
  if (!kernel && (initrd || (cmdline !== undefined && cmdline !== '')))
    throw new Rejection('INPUT_INVALID', 'initrd and cmdline are measured with a kernel only.');
  const boot = kernel && {
    kernel,
    ...(initrd ? { initrd } : {}),
    ...(cmdline === undefined ? {} : { cmdline }),
    ...(memoryMib === undefined ? {} : { memoryMib }),
  };
  const { mrtd, rtmr1, rtmr2 } = await rejecting(() =>
    measureTdx({ firmware, ordering, ...(boot ? { boot } : {}) }),
  );
  return {
    mrtd_hex: toHex(mrtd),
    ...(rtmr1 ? { rtmr1_hex: toHex(rtmr1) } : {}),
    ...(rtmr2 ? { rtmr2_hex: toHex(rtmr2) } : {}),
  };
};
