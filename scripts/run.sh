#!/bin/sh
# Runs a TypeScript file of this repository under Node 24, on a machine that may have only Node 20 and npm.
# The npm packages (Node 24 is one of them) are installed first, and only when the lock file changed.
# usage: scripts/run.sh FILE [ARGUMENT...]; FILE is relative to the repository, arguments to the caller's folder.
set -eu
caller=$PWD
cd "$(dirname "$0")/.."
here=$PWD
PATH="$here/node_modules/.bin:$PATH"
export PATH
if ! cmp -s package-lock.json node_modules/.installed-lock 2>/dev/null; then
  echo 'Installing the npm packages of the lock file ...' >&2
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  major=$(node -p 'process.versions.node.split(".")[0]')
  if [ "$major" -lt 24 ]; then
    echo "Node 24 or newer is needed, found $(node --version), and npm has none for this machine: install one." >&2
    exit 2
  fi
  # The native hasher: faster with it, the same results without.
  node --disable-warning=ExperimentalWarning scripts/build-native.ts >&2 || true
  cp package-lock.json node_modules/.installed-lock
fi
file=$1
shift
cd "$caller"
exec node --disable-warning=ExperimentalWarning "$here/$file" "$@"
