#!/bin/busybox sh
# The only program of the demo's virtual machine: opens the pack under dm-verity, reads every file, powers off.
# ttyS0 is the kernel's console; the verdict goes to ttyS1, so that no kernel message can cut into it.
# One line a message: "stage NAME", "file SHA256 HEXPATH", then "opened COUNT" or "refused STAGE REASON".
/bin/busybox mkdir -p /dev /proc /sys /run /tmp /pack
/bin/busybox --install -s /bin
export PATH=/bin:/usr/sbin
mount -t devtmpfs dev /dev
echo 'init runs' >/dev/ttyS0
mount -t proc proc /proc
mount -t sysfs sys /sys
stty -F /dev/ttyS1 raw

report() { printf '%s\n' "$*" >/dev/ttyS1; }
halt() {
  poweroff -f
  sleep 5
  reboot -f
}
refuse() {
  report "refused $1 $(tr '\n' ' ' </tmp/error)"
  halt
}
value() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"; }

stage=modules
report "stage $stage"
for module in /modules/*.ko; do
  insmod "$module" 2>/tmp/error || refuse $stage
done

stage=disk
report "stage $stage"
tries=0
until [ -b /dev/vda ]; do
  tries=$((tries + 1))
  [ $tries -le 50 ] || { echo 'no disk after 5 s' >/tmp/error; refuse $stage; }
  sleep 0.1
done

# veritysetup finds algorithm, salt and size in the superblock. The host could change them, but only into a tree
# that does not lead to this root hash. The read makes the kernel check one path of the tree at once.
stage=open
report "stage $stage"
DM_DISABLE_UDEV=1 veritysetup open /dev/vda pack /dev/vda "$(value vitrine_root)" \
  --hash-offset="$(value vitrine_hash_offset)" 2>/tmp/error || refuse $stage
dd if=/dev/mapper/pack of=/dev/null bs=4096 count=1 2>/tmp/error || refuse $stage

stage=mount
report "stage $stage"
mount -t erofs -o ro,nodev,nosuid,noexec /dev/mapper/pack /pack 2>/tmp/error || refuse $stage

stage=read
report "stage $stage"
cat >/tmp/hash <<'HASH'
#!/bin/sh
sum=$(sha256sum <"$1") || exit 1
printf 'file %s %s\n' "${sum%% *}" "$(printf %s "${1#./}" | od -An -v -tx1 | tr -d ' \n')" >>/tmp/files
HASH
chmod 755 /tmp/hash
: >/tmp/files
cd /pack || refuse $stage
# A plain file per failure, because find's own status does not say that -exec failed.
find . -type f -exec sh -c '/tmp/hash "$1" || echo "cannot read $1" >>/tmp/failed' hash {} \; 2>/tmp/error || refuse $stage
if [ -e /tmp/failed ]; then
  cat /tmp/failed >>/tmp/error
  refuse $stage
fi
cat /tmp/files >/dev/ttyS1
report "opened $(wc -l </tmp/files)"
halt
