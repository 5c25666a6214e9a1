#!/bin/sh
# Build the web console into dist/ from the locked package.json. Needs node and npm; idempotent.
# The packages stay in node_modules until package-lock.json changes. dist is replaced at the end, so a failed build
# leaves the old one.
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

schema=../../schema/schema.graphql
sources() {
  find src *.html package.json package-lock.json .npmrc codegen.ts tsconfig.json vite.config.js build.sh "$schema" \
    -type f -not -path 'src/gql/*' -not -name not_built.html | LC_ALL=C sort
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

fresh=$dist.new.$$
old=$dist.old.$$
trap 'rm -rf "$fresh" "$old"' EXIT
trap 'exit 1' HUP INT TERM

if ! cmp -s package-lock.json node_modules/.installed; then
  say "installing the locked packages"
  rm -f node_modules/.installed
  npm ci --loglevel=error || fail "npm ci failed; the reason is above"
  cp package-lock.json node_modules/.installed
fi
say "generating the types of the documents"
npm run --silent codegen -- --silent || fail "a document does not fit the schema; the reason is above"
say "checking the types"
npm run --silent check || fail "the types don't fit; the reason is above"
say "building"
npm run --silent build -- --logLevel warn --outDir "$fresh" || fail "the build failed; the reason is above"
printf '%s\n' "$stamp" >"$fresh/.stamp"

# A rename within one file system shows the whole bundle at once.
[ ! -e "$dist" ] || mv "$dist" "$old"
mv "$fresh" "$dist"
say "built $(du -sh "$dist" | cut -f1) into $dist"
