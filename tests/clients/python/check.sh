#!/bin/sh
# Generate a typed client from the SDL, and type-check it and the example that uses it. Needs what install.sh installs.
set -eu
cd "$(dirname -- "$0")"
rm -rf .venv/generated
mkdir .venv/generated
.venv/bin/ariadne-codegen --config codegen.toml >.venv/generated/codegen.log || { cat .venv/generated/codegen.log; exit 1; }
.venv/bin/mypy --config-file mypy.ini --cache-dir .venv/mypy_cache --package tellgraph_client
.venv/bin/mypy --config-file mypy.ini --cache-dir .venv/mypy_cache example.py
