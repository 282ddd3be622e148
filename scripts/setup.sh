#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x node_modules/.bin/node ] || npm ci
PATH="$PWD/node_modules/.bin:$PATH" exec node ops/gaia.js setup "$@"
