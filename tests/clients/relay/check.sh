#!/bin/sh
# Compile the operations by relay-compiler and run them against the API of GRAPHQL_URL.
set -eu
cd "$(dirname -- "$0")"
mkdir -p build
../node_modules/.bin/relay-compiler relay.config.json >build/compiler.log 2>&1 || { cat build/compiler.log >&2; exit 1; }
exec node ask.mjs
