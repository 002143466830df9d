#!/bin/bash
# make test: every step in turn, each with its time; the last one is pytest, whose summary lists the
# times of the steps and the data that were missing.
set -euo pipefail
cd "$(dirname "$0")/.."

times=
step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n==> %s\n' "$name"
    "$@"
    printf '==> %s: %d s\n' "$name" $((SECONDS - start))
    times+="$name=$((SECONDS - start));"
}

step "Debian packages" scripts/debian-packages.sh
step "Python environment" make --no-print-directory .stamps/test
step "Viewer build" make --no-print-directory viewer
step "Viewer checks" make --no-print-directory check-viewer
step "Python checks" make --no-print-directory check
printf '\n==> Tests\n'
MEDIVIEW_STEP_TIMES=$times exec .venv/bin/python -m pytest "$@"
