#!/bin/sh
# Make the environment of the Python client generator: `sh install.sh python3.12`. Idempotent.
set -eu
python=$1
cd "$(dirname -- "$0")"
cmp -s requirements.txt .venv/.installed && exit 0
rm -rf .venv
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
cp requirements.txt .venv/.installed
