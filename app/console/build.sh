#!/bin/sh
# Build the web console into dist/ from the locked package.json. Needs node and npm; idempotent.
# Everything is built in a temporary folder and dist is replaced at the end, so a failed build
# leaves the old one, and no node_modules ends up beside the Python package.
set -eu

say() { printf 'console: %s\n' "$*"; }
fail() {
  say "$*" >&2
  exit 1
}

console=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
dist=$console/dist
wanted='node 20.19 or newer (or 22.12 or newer)'

command -v node >/dev/null 2>&1 || fail "node was not found on PATH; install $wanted and run this again"
command -v npm >/dev/null 2>&1 || fail "npm was not found on PATH; it comes with $wanted"
node -e '
  const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22 ? 0 : 1);
' || fail "node $(node --version) is too old; $wanted is needed"

sources() {
  find src package.json package-lock.json .npmrc vite.config.js graphql.html voyager.html build.sh -type f | LC_ALL=C sort
}

cd "$console"
# Names and contents of all inputs: the same stamp means the same bundle.
stamp=$(node -e '
  const { createHash } = require("node:crypto");
  const { readFileSync } = require("node:fs");
  const hash = createHash("sha256");
  for (const file of process.argv.slice(1)) hash.update(file).update("\0").update(readFileSync(file)).update("\0");
  console.log(hash.digest("hex"));
' $(sources))
if [ "$(cat "$dist/.stamp" 2>/dev/null)" = "$stamp" ]; then
  say "dist is up to date"
  exit 0
fi

work=$(mktemp -d)
fresh=$dist.new.$$
old=$dist.old.$$
trap 'rm -rf "$work" "$fresh" "$old"' EXIT
trap 'exit 1' HUP INT TERM

cp -R src package.json package-lock.json .npmrc vite.config.js graphql.html voyager.html "$work"
cd "$work"
say "installing the locked packages"
npm ci --loglevel=error || fail "npm ci failed; the reason is above"
say "building"
npm run --silent build -- --logLevel warn || fail "the build failed; the reason is above"
printf '%s\n' "$stamp" >dist/.stamp

# Copied next to dist first: a rename within one file system shows the whole bundle at once.
cp -R dist "$fresh"
[ ! -e "$dist" ] || mv "$dist" "$old"
mv "$fresh" "$dist"
say "built $(du -sh "$dist" | cut -f1) into $dist"
