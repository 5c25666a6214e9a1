#!/bin/sh
# Install the built client packages into empty projects, one of npm and one of Python: `sh install.sh PYTHON`. Idempotent.
set -eu
python=$1
cd "$(dirname -- "$0")"
dist=$(cd ../../.. && pwd)/dist
wanted=$("$python" -VV; cat "$dist/.sdk" package-lock.json requirements.txt)
[ "$(cat .installed 2>/dev/null)" = "$wanted" ] && exit 0
rm -f .installed
cmp -s package-lock.json node_modules/.installed || {
  npm ci --loglevel=error --no-audit --no-fund
  cp package-lock.json node_modules/.installed
}
rm -rf node_modules/@tellgraph
npm install --no-save --no-package-lock --prefer-offline --loglevel=error --no-audit --no-fund "$dist"/tellgraph-client-*.tgz
[ "$("$python" -VV; cat requirements.txt)" = "$(cat .venv/.installed 2>/dev/null)" ] || {
  rm -rf .venv
  "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
  ("$python" -VV; cat requirements.txt) >.venv/.installed
}
.venv/bin/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$dist"/tellgraph_client-*.whl
echo "$wanted" >.installed
