#!/bin/bash
# usage: map.sh
# Builds a small MONAI Application Package, and runs the tests of models in containers with it. Needs podman, as root.
#
#   PYTHON_IMAGE  the base of the package (default: its Containerfile's)
#   BUILD         further options of `podman build`
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra options <<<"${BUILD:-}"
[ -z "${PYTHON_IMAGE:-}" ] || options+=(--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE")
logs=.test-output/containers
mkdir -p $logs
image=localhost/mediview-test-map:latest
podman build "${options[@]}" --tag $image tests/containers/map >$logs/map.log 2>&1 || { tail -n 40 $logs/map.log; exit 1; }
MEDIVIEW_TEST_MAP=$image exec .venv/bin/python -m pytest tests/containers "$@"
