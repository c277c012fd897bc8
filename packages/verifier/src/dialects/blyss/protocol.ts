/** What Blyss' protocol demands of a launch: images by name, the disk, the firmware, words on the command line. */
import { type JsonNode, parseJson } from '@vitrine/bytes';
import { lowerHex, malformed, matching, quoted, readPart } from '../reading.ts';

export interface BlyssProtocol {
  readonly version: string;
  /** Repository names of the container images, without tag or digest. */
  readonly images: Readonly<Record<BlyssRole, string>>;
  readonly disk: {
    /** Root hash of the dm-verity tree, hexadecimal. */
    readonly rootHash: string;
    /** A multiple of 4096. */
    readonly sizeBytes: number;
  };
  /** SHA-256, hexadecimal. */
  readonly firmware: { readonly ovmf: string; readonly kernel: string; readonly initrd: string };
  /** Words that the command line begins with. */
  readonly security: string;
}

export const blyssRoles = ['shim', 'ui', 'application'] as const;
export type BlyssRole = (typeof blyssRoles)[number];

/** Published as protocol/v0.0.1.json with blyss-verifier 0.1.8. */
export const blyssProtocols: Readonly<Record<'v0.0.1', BlyssProtocol>> = {
  'v0.0.1': {
    version: 'v0.0.1',
    images: { shim: 'blintzbase/shim', ui: 'blintzbase/chatui', application: 'vllm/vllm-openai' },
    disk: {
      rootHash: 'c51b4b94ee613a768cf555442582b9bcf6e8b04aacd26ff52cd69f87809b8190',
      sizeBytes: 535_741_399_040,
    },
    firmware: {
      ovmf: 'db5f9f3b01fab5eeba81a676490034e5585ac9637fa34f752f8d05f222a11ca3',
      kernel: 'ff5e53ccc981594fbbdf6433011ef18227aa981ee85680af5e5f21ff23ae67dc',
      initrd: '5e15926b19a1ee3d9d5182438286b74f5060829b1ba8f560bf0a748d6510e611',
    },
    security: 'systemd.mask=ssh.service',
  },
};

const what = 'Blyss protocol';
const BLOCK_BYTES = 4096;

/**
 * A protocol file of the shape of v0.0.1.
 * @throws VerifierError DOCUMENT_MALFORMED
 */
export function parseBlyssProtocol(bytes: Uint8Array): BlyssProtocol {
  return readPart(what, () => {
    const file = parseJson(bytes, what, { maxBytes: 64 * 1024, maxDepth: 8 });
    file.onlyNames('version', 'author', 'requirements');
    const requirements = file.get('requirements');
    requirements.onlyNames('application', 'ui', 'shim', 'firmware', 'security');
    const image = (role: BlyssRole): string =>
      matching(requirements.get(role), /^[a-z0-9]+([._/-][a-z0-9]+)*$/, 'the name of an image');
    const firmware = requirements.get('firmware').onlyNames('name', 'disk', 'ovmf', 'kernel', 'initrd');
    return {
      version: matching(file.get('version'), /^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$/, 'a version'),
      images: { shim: image('shim'), ui: image('ui'), application: image('application') },
      disk: readDisk(firmware.get('disk')),
      firmware: {
        ovmf: lowerHex(firmware.get('ovmf'), 32),
        kernel: lowerHex(firmware.get('kernel'), 32),
        initrd: lowerHex(firmware.get('initrd'), 32),
      },
      security: matching(requirements.get('security'), /^[A-Za-z0-9._=-]+( [A-Za-z0-9._=-]+)*$/, 'words'),
    };
  });
}

/** The size is a number in one file and a text in another. */
function readDisk(disk: JsonNode): BlyssProtocol['disk'] {
  disk.onlyNames('type', 'hash', 'size').get('type').word('dm_verity');
  const size = disk.get('size');
  const sizeBytes =
    size.kind === 'string' ? Number(matching(size, /^[1-9][0-9]{0,15}$/, 'digits')) : size.integer(1);
  if (sizeBytes % BLOCK_BYTES !== 0 || !Number.isSafeInteger(sizeBytes))
    throw malformed(size.path, `a multiple of ${BLOCK_BYTES}`, quoted(String(sizeBytes)));
  return { rootHash: lowerHex(disk.get('hash'), 32), sizeBytes };
}

/** The part of the command line that mounts the disk (Linux' dm-init, verity target). */
export function diskWords({ disk: { rootHash, sizeBytes } }: BlyssProtocol): string {
  const salt = '0'.repeat(64);
  const table = `dmverity,,0,ro,0 ${sizeBytes / 512} verity 1 /dev/sda2 /dev/sdb 4096 4096 ${sizeBytes / BLOCK_BYTES} 1 sha256 ${rootHash} ${salt} 1 panic_on_corruption`;
  return `fsck.mode=skip ro console=ttyS0 overlayroot=tmpfs root=/dev/dm-0 rootflags=noload dm-mod.create="${table}"`;
}
