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
# A browser for the console's tests, unpacked where none is installed.
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
  mkdir -p node_modules/.chromium
  TMPDIR=$PWD/node_modules/.chromium node --input-type=module -e '
    import chromium from "@sparticuz/chromium";
    await chromium.executablePath();
  ' || echo "there is no browser for the console's tests, and npm's could not be unpacked; they are skipped" >&2
fi
cp package-lock.json node_modules/.installed
