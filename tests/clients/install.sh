#!/bin/sh
# Install the locked node packages of the clients' tests. Needs node and npm; idempotent.
set -eu
cd "$(dirname -- "$0")"
cmp -s package-lock.json node_modules/.installed && exit 0
node -e '
  const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit((major === 20 && minor >= 19) || (major === 22 && minor >= 13) || major > 22 ? 0 : 1);
' || { echo "node 20.19 or newer (or 22.13 or newer) is needed" >&2; exit 1; }
rm -f node_modules/.installed
npm ci --loglevel=error
cp package-lock.json node_modules/.installed
