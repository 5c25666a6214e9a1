#!/bin/sh
# Build the client packages from the schema into dist/: `sh build.sh PYTHON`. Idempotent. Needs node and npm.
# PYTHON is the project's: its graphql-core reads the schema. The generators have environments of their own.
set -eu
python=$1
cd "$(dirname -- "$0")"
dist=$(cd ../.. && pwd)/dist
wanted=$("$python" digest.py)
[ "$(cat "$dist/.sdk" 2>/dev/null)" = "$wanted" ] && exit 0
sh python/install.sh "$python"
cmp -s typescript/package-lock.json typescript/node_modules/.installed || {
  (cd typescript && npm ci --loglevel=error)
  cp typescript/package-lock.json typescript/node_modules/.installed
}
version=$("$python" -c 'import ast, sys; print(ast.parse(open(sys.argv[1]).read()).body[-1].value.value)' ../../app/__init__.py)
mkdir -p "$dist" build
rm -f "$dist/.sdk" "$dist"/tellgraph-client-*.tgz "$dist"/tellgraph_client-*.whl
"$python" client_schema.py ../schema.graphql >build/schema.graphql

cd typescript
rm -rf build src/generated
node_modules/.bin/graphql-codegen --config codegen.json >../build/codegen.log 2>&1 || { cat ../build/codegen.log >&2; exit 1; }
# The types that it imports from there are in document.ts; the package there would bring the whole of `graphql`.
sed -i.orig "s|'@graphql-typed-document-node/core'|'../document.js'|" src/generated/graphql.ts
rm src/generated/graphql.ts.orig
node_modules/.bin/tsc
VERSION=$version node -e '
  const { devDependencies, overrides, ...rest } = JSON.parse(require("fs").readFileSync("package.json"));
  require("fs").writeFileSync("build/package.json", JSON.stringify({ ...rest, version: process.env.VERSION }, null, 2));
'
cp ../README.md ../../../LICENSE build
npm pack ./build --pack-destination "$dist" --silent >/dev/null
cd ..

cd python
rm -rf build tellgraph_client/graphql
echo "__version__ = \"$version\"" >tellgraph_client/_version.py
.venv/bin/ariadne-codegen --config codegen.toml >../build/codegen.log 2>&1 || { cat ../build/codegen.log >&2; exit 1; }
sed -i.orig -e 's/^from enum import Enum$/from tellgraph_client.open_enum import OpenEnum/' -e 's/(str, Enum):$/(OpenEnum):/' \
  tellgraph_client/graphql/enums.py
rm tellgraph_client/graphql/enums.py.orig
.venv/bin/python make_sync.py
.venv/bin/mypy --package tellgraph_client --cache-dir build/mypy
.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$dist" .
rm -rf build/lib build/bdist* tellgraph_client.egg-info
cd ..
echo "$wanted" >"$dist/.sdk"
