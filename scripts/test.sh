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
# All of them wait more than they work, so three parts run beside each other: the stories with real
# processes, the tests of the web side, and the others.
printf '\n==> Tests\n'
logs=.test-output
mkdir -p $logs
status=0
plain="not house and not fault"
MEDIVIEW_STEP_TIMES=$times .venv/bin/python -m pytest -m "house or fault" >$logs/stories.log 2>&1 &
stories=$!
.venv/bin/python -m pytest -m "$plain" tests/api >$logs/web.log 2>&1 &
web=$!
trap 'kill $stories $web 2>/dev/null || true' EXIT
.venv/bin/python -m pytest -m "$plain" --ignore=tests/api 2>&1 | tee $logs/tests.log || status=1
wait $web || status=1
cat $logs/web.log
wait $stories || status=1
cat $logs/stories.log

# The closing lines as one, in the form that any reader of test results knows.
tail -qn 1 $logs/tests.log $logs/web.log $logs/stories.log | awk '
    { for (i = 1; i < NF; i++) count[$(i + 1)] += $i }
    END {
        failed = count["failed"] + count["failed,"]
        failed += count["error"] + count["errors"] + count["error,"] + count["errors,"]
        printf "%d passed, %d failed, %d skipped\n", count["passed"] + count["passed,"], failed, \
            count["skipped"] + count["skipped,"]
    }'
exit $status
