#!/bin/bash
# make test: every step with its time; the last one is pytest, whose summary lists the data that were
# missing and the times of the steps. What needs nothing of each other runs side by side.
set -euo pipefail
cd "$(dirname "$0")/.."

# A process that may not keep what it compiles compiles all of the node again, and hundreds are started.
unset PYTHONDONTWRITEBYTECODE

logs=.test-output
mkdir -p $logs
times=
declare -A running=()
s3_folder=
trap 'kill "${running[@]}" 2>/dev/null || true; wait ${running[s3]:-} || true; rm -rf ${s3_folder:+"$s3_folder"}' EXIT

# start NAME COMMAND...: what it prints is kept until it is waited for.
start() {
    local name=$1
    shift
    printf '\n==> %s begins\n' "$name"
    (
        begun=$SECONDS
        code=0
        "$@" >"$logs/$name.log" 2>&1 &
        # Ending this shell is meant to end what runs in it.
        trap 'kill $! 2>/dev/null' TERM
        wait $! || code=$?
        echo $((SECONDS - begun)) >"$logs/$name.time"
        exit $code
    ) &
    running[$name]=$!
}

# finish NAME: its output, its time, and its exit status.
finish() {
    local name=$1 code=0
    wait "${running[$name]}" || code=$?
    unset "running[$name]"
    printf '\n==> %s\n' "$name"
    cat "$logs/$name.log"
    printf '==> %s: %d s\n' "$name" "$(cat "$logs/$name.time")"
    times+="$name=$(cat "$logs/$name.time");"
    return $code
}

start "debian-packages" scripts/debian-packages.sh
start "python-environment" make --no-print-directory .stamps/test
finish "debian-packages"
finish "python-environment"

# The tests run in parts, for each waits now and then: the web side, the models and results, the floors
# below them, what breaks and attacks nodes, and the end-to-end tests, which need the built viewer and
# share one node.
start "viewer" make --no-print-directory viewer
# What is large and imported everywhere is compiled once, not by all parts at the same time.
.venv/bin/python -c "import monai, api.app, api.cli.main"
start "python-checks" make --no-print-directory check
# One S3 server for all parts: it takes no little processor time by itself.
s3_folder=$(mktemp -d "${TMPDIR:-/tmp}/mediview-s3-XXXXXX")
s3_port=$(.venv/bin/python -c "from tests.servers import unused_port_range; print(unused_port_range(41))")
scripts/ceph-s3.sh "$s3_folder/cluster" "$s3_port" >"$logs/s3.log" 2>&1 &
running[s3]=$!
export SUITE_S3_URL="http://127.0.0.1:$s3_port"
# Threads of one model that wait for each other on cores which others keep busy take many times as
# long as one thread alone.
export OMP_NUM_THREADS=1
rm -rf $logs/cache-* $logs/passed-again
# tests NAME ARGUMENTS...: a part of the tests; pytest remembers in a folder of its own what failed.
tests() {
    local name=$1
    shift
    start "tests-$name" .venv/bin/python -m pytest -o "cache_dir=$logs/cache-$name" "$@"
}
# Some folders go with another part, so that no part is left to run alone for long.
with_faults=(tests/dicom_node)
left_to_faults=()
for folder in language models scheduling single_images; do
    with_faults+=("tests/inference/$folder")
    left_to_faults+=("--ignore=tests/inference/$folder")
done
left_to_others=(--ignore=tests/inference/input_selection)
others=(tests/api/access tests/inference/input_selection)
for folder in tests/*/; do
    case $folder in
        tests/api/ | tests/inference/ | tests/e2e/ | tests/faults/ | tests/attacks/ | tests/chaos/ | tests/dicom_node/) ;;
        tests/__pycache__/) ;;
        *) others+=("$folder") ;;
    esac
done
tests web -m "not e2e" tests/api --ignore=tests/api/access
tests inference -m "not e2e" tests/inference "${left_to_faults[@]}" "${left_to_others[@]}"
tests others -m "not e2e" "${others[@]}"
tests faults -m "not e2e" tests/faults tests/attacks tests/chaos "${with_faults[@]}"
finish "viewer"
start "viewer-checks" make --no-print-directory check-viewer
start "tests-generated" scripts/generated-clients.sh
finish "python-checks"
export MEDIVIEW_STEP_TIMES=$times
tests e2e -m e2e tests/e2e tests/faults/test_node_faults.py
status=0
failed_steps=()
failed_parts=()
for step in viewer-checks tests-generated; do
    finish "$step" || failed_steps+=("$step")
done
for part in web inference others faults e2e; do
    code=0
    finish "tests-$part" || code=$?
    case $code in
        0) ;;
        1) failed_parts+=("$part") ;; # pytest went through the part, and tests failed
        *) failed_steps+=("tests-$part") ;;
    esac
done
if ((${#failed_parts[@]})); then
    .venv/bin/python scripts/test-again.py $logs "${failed_parts[@]}" || status=1
fi

# The closing line counts tests alone; a step that failed for another reason is named before it.
for step in "${failed_steps[@]}"; do
    printf 'FAILED %s: see %s/%s.log\n' "$step" "$logs" "$step"
    status=1
done

# The closing lines as one, in the form that any reader of test results knows.
tail -qn 1 $logs/tests-*.log | awk -v again="$(cat $logs/passed-again 2>/dev/null || echo 0)" '
    { for (i = 1; i < NF; i++) count[$(i + 1)] += $i }
    END {
        failed = count["failed"] + count["failed,"]
        failed += count["error"] + count["errors"] + count["error,"] + count["errors,"]
        if (again) printf "%d failed beside the others and passed alone, see UNSTEADY above\n", again
        printf "%d passed, %d failed, %d skipped\n", count["passed"] + count["passed,"] + again, \
            failed - again, count["skipped"] + count["skipped,"]
    }'
exit $status
