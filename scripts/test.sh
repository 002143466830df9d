#!/bin/bash
# make test: every step in turn, each with its time; the last one is pytest, whose summary lists the
# data that were missing and the times of the steps.
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
# The stories with real processes wait more than they work, so they run beside the other tests.
printf '\n==> Tests\n'
logs=.test-output
mkdir -p $logs
status=0
MEDIVIEW_STEP_TIMES=$times .venv/bin/python -m pytest -m "house or fault" >$logs/stories.log 2>&1 &
stories=$!
trap 'kill $stories 2>/dev/null || true' EXIT
.venv/bin/python -m pytest -m "not house and not fault" 2>&1 | tee $logs/tests.log || status=1
wait $stories || status=1
cat $logs/stories.log

# Both closing lines as one, in the form that any reader of test results knows.
tail -qn 1 $logs/tests.log $logs/stories.log | awk '
    { for (i = 1; i < NF; i++) count[$(i + 1)] += $i }
    END {
        failed = count["failed"] + count["failed,"]
        failed += count["error"] + count["errors"] + count["error,"] + count["errors,"]
        printf "%d passed, %d failed, %d skipped\n", count["passed"] + count["passed,"], failed, \
            count["skipped"] + count["skipped,"]
    }'
exit $status
