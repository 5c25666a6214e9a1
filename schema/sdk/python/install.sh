#!/bin/sh
# Make the environment of the Python client generator: `sh install.sh python3.12`. Idempotent.
set -eu
python=$1
cd "$(dirname -- "$0")"
wanted=$("$python" -VV; cat requirements.txt)
[ "$(cat .venv/.installed 2>/dev/null)" = "$wanted" ] && exit 0
rm -rf .venv
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
echo "$wanted" >.venv/.installed
