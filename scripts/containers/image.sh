#!/bin/bash
# usage: image.sh
# Builds the image and runs the whole node in it as operations.md says: read-only, without capabilities. Its
# `doctor` and `demo` must succeed. Prints size and seconds. Needs podman, as root.
#
#   PYTHON_IMAGE     the base (default: the Dockerfile's)
#   BUILD, BARE_RUN  further options of `podman build` and `podman run`
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra build_options <<<"${BUILD:-}"
read -ra run_options <<<"${BARE_RUN:-}"
[ -z "${PYTHON_IMAGE:-}" ] || build_options+=(--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE")
logs=.test-output/containers
mkdir -p $logs

begun=$SECONDS
podman build "${build_options[@]}" --tag mediview:tried . >$logs/image.log 2>&1 || { tail -n 40 $logs/image.log; exit 1; }
echo "image: built in $((SECONDS - begun)) s, $(($(podman image inspect mediview:tried --format '{{ .Size }}') / 1000000)) MB"

begun=$SECONDS
podman rm --force mediview-image >/dev/null 2>&1 || true
trap 'podman rm --force --volumes mediview-image >/dev/null' EXIT
podman run --detach --name mediview-image --pull=never --read-only --tmpfs /tmp --cap-drop all \
    --security-opt no-new-privileges "${run_options[@]}" mediview:tried up >/dev/null
until podman logs mediview-image 2>&1 | grep -q "is ready"; do
    [ $((SECONDS - begun)) -lt 300 ] || { podman logs --tail 40 mediview-image; exit 1; }
    sleep 1
done
echo "image: node ready after $((SECONDS - begun)) s"
podman exec mediview-image mediview doctor
podman exec mediview-image mediview demo
