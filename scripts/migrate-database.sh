#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH" exec node ops/gaia.js migrate "$@"
