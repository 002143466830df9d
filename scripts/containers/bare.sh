#!/bin/bash
# usage: bare.sh [BASE_IMAGE...]
# The two commands as a newcomer gives them, in containers that have Debian, python3, make and git alone:
# a clone of HEAD, `make run`, `mediview doctor`, `mediview demo`, and with BARE_TESTS=1 `make test`.
# Prints minutes and sizes for the README, and sends a study from outside, whose results have to come back
# to a storescp outside. Needs podman, as root, and DCMTK.
#
#   BUILD            further options of `podman build` (limits, certificates of a proxy)
#   BARE_RUN         further options of `podman run`
#   TORCH_WHEELS     a folder with CPU builds of PyTorch, copied into the container
#   BARE_ENV         what the environment of `make run` and `make test` has besides, such as TZ=Asia/Tokyo
#   BARE_USER        who does it: root, or newcomer, who may install nothing (default: root)
#   BARE_PACKAGES=1  root has installed the Debian packages of the tests before
#   BARE_STUDY       a folder that is sent from outside (default: none)
#   BARE_KEEP=1      the containers are left running
set -euo pipefail
cd "$(dirname "$0")/../.."
bases=("$@")
[ ${#bases[@]} -gt 0 ] || bases=(docker.io/library/debian:trixie-slim docker.io/library/debian:bookworm-slim)
# Words of options, as a shell splits them.
read -ra build_options <<<"${BUILD:-}"
read -ra run_options <<<"${BARE_RUN:-}"
environment=()
for variable in ${BARE_ENV:-}; do environment+=(--env "$variable"); done
logs=.test-output/containers
user=${BARE_USER:-root}
home=/root
[ "$user" = root ] || home=/home/$user
# A blank in the path is what people have, and what scripts forget.
folder="$home/a newcomer/mediview"
mkdir -p $logs
clone=$logs/repository.bundle
outside=() storescp=
trap '[ -z "$storescp" ] || kill "$storescp"' EXIT
if [ -n "${BARE_STUDY:-}" ]; then
    received=$(mktemp -d)
    study=$(find "$BARE_STUDY" -type f -print -quit | xargs dcmdump +P StudyInstanceUID | sed 's/.*\[\(.*\)\].*/\1/')
    storescp --fork --aetitle OUTSIDE --output-directory "$received" --sort-on-study-uid study 11190 &
    storescp=$!
    # The bridge's own address is this machine, as the containers see it.
    gateway=$(podman network inspect podman --format '{{ (index .Subnets 0).Gateway }}')
    outside=(--env MEDIVIEW_DICOM_HOST=0.0.0.0 --env MEDIVIEW_TRUSTED_NETWORK=true
        --env "MEDIVIEW_DESTINATIONS=outside=OUTSIDE@$gateway:11190")
fi
git bundle create --quiet "$clone" HEAD

inside() { podman exec --user "$user" "${environment[@]}" "$container" bash -c "cd \"$folder\" && $1"; }

downloaded() { podman exec "$container" awk '/^ *(eth|en|tap)/ { sub(":", " "); total += $2 } END { printf "%d", total / 1e6 }' /proc/net/dev; }

try() {
    local base=$1 name=${1##*:} begun
    local log=$logs/$name.log
    podman build "${build_options[@]}" --quiet --build-arg BASE="$base" --tag "mediview-bare:$name" \
        --file scripts/containers/Containerfile.bare scripts/containers >/dev/null
    container=mediview-bare-$name
    podman rm --force "$container" >/dev/null 2>&1 || true
    # The suite with its servers has more threads than podman allows by default, a machine has no such limit.
    podman run --detach --name "$container" --pull=never --init --pids-limit=-1 "${run_options[@]}" \
        "mediview-bare:$name" sleep infinity >/dev/null
    podman cp "$clone" "$container:/tmp/repository.bundle"
    podman exec --user "$user" "$container" git -c init.defaultBranch=main -c advice.detachedHead=false \
        clone --quiet /tmp/repository.bundle "$folder"
    if [ -n "${TORCH_WHEELS:-}" ]; then podman cp "$TORCH_WHEELS" "$container:/opt/wheels"; fi
    if [ "${BARE_PACKAGES:-}" = 1 ]; then
        podman exec "$container" bash -c "cd '$folder' && scripts/debian-packages.sh"
    fi

    begun=$SECONDS
    podman exec --user "$user" --detach "${environment[@]}" "${outside[@]}" \
        --env TORCH_WHEELS="${TORCH_WHEELS:+/opt/wheels}" "$container" \
        bash -c 'cd "$0" && make run >/tmp/run.log 2>&1; touch /tmp/run.ended' "$folder"
    wait_for 'grep -q "Ctrl-C" /tmp/run.log' 1500
    echo "$name: $(inside '.venv/bin/python --version'), node ready after $((SECONDS - begun)) s," \
        "$(downloaded) MB downloaded, $(inside 'du -sm .venv' | cut -f1) MB in .venv"
    wait_for 'grep -q "viewer is built\|could not be built" /tmp/run.log' 1800
    echo "$name: viewer after $((SECONDS - begun)) s, $(inside 'du -sm .' | cut -f1) MB in all"
    inside '.venv/bin/mediview doctor'
    begun=$SECONDS
    inside '.venv/bin/mediview demo'
    echo "$name: demo in $((SECONDS - begun)) s"
    if [ -n "${BARE_STUDY:-}" ]; then
        begun=$SECONDS
        local address
        address=$(podman inspect "$container" --format '{{ .NetworkSettings.IPAddress }}')
        storescu +sd +r -aec MEDIVIEW "$address" 11112 "$BARE_STUDY"
        # A segmentation and a structured report.
        until [ "$(find "$received/study_$study" -type f 2>/dev/null | wc -l)" -ge 2 ]; do
            [ $((SECONDS - begun)) -lt 600 ] || { echo "$name: no results came back" >&2; return 1; }
            sleep 1
        done
        echo "$name: sent from outside, the results came back in $((SECONDS - begun)) s:"
        local file
        for file in "$received/study_$study"/*; do dcmdump +P SOPClassUID +P SeriesDescription "$file"; done
    fi
    if [ "${BARE_TESTS:-}" = 1 ]; then
        begun=$SECONDS
        inside 'CI=true TORCH_WHEELS='"${TORCH_WHEELS:+/opt/wheels}"' make test'
        echo "$name: make test in $((SECONDS - begun)) s"
    fi
    [ "${BARE_KEEP:-}" = 1 ] || podman rm --force "$container" >/dev/null
}

# wait_for COMMAND LIMIT_S: until it succeeds in the container.
wait_for() {
    local deadline=$((SECONDS + $2))
    until inside "$1" 2>/dev/null; do
        if [ $SECONDS -ge $deadline ] || inside 'test -e /tmp/run.ended'; then
            inside 'tail -n 40 /tmp/run.log' >&2
            return 1
        fi
        sleep 2
    done
}

for base in "${bases[@]}"; do
    try "$base"
done
