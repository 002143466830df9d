#!/bin/bash
# usage: bare.sh [BASE_IMAGE...]
# The two commands as a newcomer gives them, in containers that have Debian, python3, make and git alone:
# a clone of HEAD, `make run`, `mediview doctor`, `mediview demo`, and with BARE_TESTS=1 `make test`.
# Prints minutes and sizes for the README. Needs podman, as root.
#
#   BUILD            further options of `podman build` (limits, certificates of a proxy)
#   BARE_RUN         further options of `podman run`
#   TORCH_WHEELS     a folder with CPU builds of PyTorch, copied into the container
#   BARE_ENV         what the environment of `make run` and `make test` has besides, such as TZ=Asia/Tokyo
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
# A blank in the path is what people have, and what scripts forget.
folder="/root/a newcomer/mediview"
mkdir -p $logs
clone=$logs/repository.bundle
git bundle create --quiet "$clone" HEAD

inside() { podman exec "${environment[@]}" "$container" bash -c "cd \"$folder\" && $1"; }

downloaded() { podman exec "$container" awk '/^ *(eth|en|tap)/ { sub(":", " "); total += $2 } END { printf "%d", total / 1e6 }' /proc/net/dev; }

try() {
    local base=$1 name=${1##*:} begun
    local log=$logs/$name.log
    podman build "${build_options[@]}" --quiet --build-arg BASE="$base" --tag "mediview-bare:$name" \
        --file scripts/containers/Containerfile.bare scripts/containers >/dev/null
    container=mediview-bare-$name
    podman rm --force "$container" >/dev/null 2>&1 || true
    podman run --detach --name "$container" --pull=never --init "${run_options[@]}" \
        "mediview-bare:$name" sleep infinity >/dev/null
    podman cp "$clone" "$container:/root/repository.bundle"
    podman exec "$container" git clone --quiet /root/repository.bundle "$folder"
    if [ -n "${TORCH_WHEELS:-}" ]; then podman cp "$TORCH_WHEELS" "$container:/root/wheels"; fi

    begun=$SECONDS
    podman exec --detach "${environment[@]}" --env TORCH_WHEELS="${TORCH_WHEELS:+/root/wheels}" "$container" \
        bash -c 'cd "$0" && make run >/root/run.log 2>&1; touch /root/run.ended' "$folder"
    wait_for 'grep -q "Ctrl-C" /root/run.log' 1500
    echo "$name: $(inside '.venv/bin/python --version'), node ready after $((SECONDS - begun)) s," \
        "$(downloaded) MB downloaded, $(inside 'du -sm .venv' | cut -f1) MB in .venv"
    wait_for 'grep -q "viewer is built\|could not be built" /root/run.log' 1800
    echo "$name: viewer after $((SECONDS - begun)) s, $(inside 'du -sm .' | cut -f1) MB in all"
    inside '.venv/bin/mediview doctor'
    begun=$SECONDS
    inside '.venv/bin/mediview demo'
    echo "$name: demo in $((SECONDS - begun)) s"
    if [ "${BARE_TESTS:-}" = 1 ]; then
        begun=$SECONDS
        inside 'CI=true TORCH_WHEELS='"${TORCH_WHEELS:+/root/wheels}"' make test'
        echo "$name: make test in $((SECONDS - begun)) s"
    fi
    [ "${BARE_KEEP:-}" = 1 ] || podman rm --force "$container" >/dev/null
}

# wait_for COMMAND LIMIT_S: until it succeeds in the container.
wait_for() {
    local deadline=$((SECONDS + $2))
    until inside "$1" 2>/dev/null; do
        if [ $SECONDS -ge $deadline ] || inside 'test -e /root/run.ended'; then
            inside 'tail -n 40 /root/run.log' >&2
            return 1
        fi
        sleep 2
    done
}

for base in "${bases[@]}"; do
    try "$base"
done
