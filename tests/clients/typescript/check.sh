#!/bin/sh
# Generate a typed client from the SDL and compile the example that uses it, strictly. Needs node and npm's packages.
set -eu
cd "$(dirname -- "$0")"
rm -rf build
../node_modules/.bin/graphql-codegen --config codegen.json --silent
../node_modules/.bin/tsc --project tsconfig.json
