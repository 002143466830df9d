#!/bin/bash
# usage: image.sh
# Builds both images, runs the whole node in the complete one as operations.md says (read-only, without
# capabilities; its `doctor` and `demo` must succeed), and in the one without what computes models each role that
# it is for. Prints sizes and seconds, and lists what each image consists of as CycloneDX in .stamps/sbom. Needs
# podman, as root.
#
#   PYTHON_IMAGE     the base (default: the Dockerfile's)
#   BUILD, BARE_RUN  further options of `podman build` and `podman run`
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra build_options <<<"${BUILD:-}"
read -ra run_options <<<"${BARE_RUN:-}"
[ -z "${PYTHON_IMAGE:-}" ] || build_options+=(--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
logs=.test-output/containers
mkdir -p $logs

# build TARGET SUFFIX: as mediview:tried and under the name that docker-compose.yml has.
build() {
    local begun=$SECONDS log=$logs/image-$1.log
    # The health check of an image is of Docker's format alone.
    podman build "${build_options[@]}" --format docker --target "$1" --build-arg VERSION="$version" \
        --build-arg REVISION="$(git rev-parse HEAD)" --tag "mediview:tried$2" --tag "mediview:$version$2" . >"$log" 2>&1 \
        || { tail -n 40 "$log"; exit 1; }
    [ "$(podman image inspect "mediview:tried$2" --format '{{ index .Labels "org.opencontainers.image.version" }}')" = "$version" ]
    echo "image $1: built in $((SECONDS - begun)) s, $(($(podman image inspect "mediview:tried$2" --format '{{ .Size }}') / 1000000)) MB"
}
build core -core
build complete ""

# sbom TAG NAME: what the image consists of, read within it, with what its viewer was made of.
sbom() {
    local file=.stamps/sbom/$2.cdx.json
    mkdir -p .stamps/sbom
    scripts/viewer.sh sbom | podman run --rm --interactive --pull=never --network none --read-only --entrypoint python \
        "${run_options[@]}" "--volume=$PWD/scripts/containers/image_sbom.py:/image_sbom.py:ro" "$1" /image_sbom.py "$1" >"$file"
    .venv/bin/python - "$file" <<'PYTHON'
import collections, json, sys
found = json.load(open(sys.argv[1]))["components"]
kinds = collections.Counter(one["purl"].split("/")[0].removeprefix("pkg:") for one in found)
assert min(kinds[kind] for kind in ("deb", "pypi", "npm")) > 20, kinds
print(f"{sys.argv[1]}: {', '.join(f'{count} of {kind}' for kind, count in sorted(kinds.items()))}")
PYTHON
}
sbom "mediview:$version-core" image-core
sbom "mediview:$version" image-complete

as_deployed=(--pull=never --read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges "${run_options[@]}")

# is_well NAME SECONDS: until its own health check succeeds.
is_well() {
    local deadline=$((SECONDS + $2))
    until podman healthcheck run "$1" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || { podman logs --tail 40 "$1"; return 1; }
        sleep 1
    done
}

podman rm --force --volumes mediview-image mediview-core >/dev/null 2>&1 || true
podman volume rm --force mediview-core >/dev/null 2>&1 || true
trap 'podman rm --force --volumes mediview-image mediview-core >/dev/null 2>&1; podman volume rm --force mediview-core >/dev/null' EXIT

# Roles over SQLite in one volume, one after the other, with their default health check.
podman run --rm "${as_deployed[@]}" --volume mediview-core:/data mediview:tried-core migrate >/dev/null
for role in scp api hl7 "worker --queue control" beat; do
    begun=$SECONDS
    # shellcheck disable=SC2086  # a role is several words
    podman run --detach --name mediview-core "${as_deployed[@]}" --volume mediview-core:/data \
        --env MEDIVIEW_HL7_PORT=2575 mediview:tried-core $role >/dev/null
    is_well mediview-core 120
    echo "image core: $role is healthy after $((SECONDS - begun)) s"
    podman rm --force mediview-core >/dev/null
done
podman run --rm --interactive "${as_deployed[@]}" --network none --entrypoint python mediview:tried-core \
    - <scripts/containers/core_image.py

begun=$SECONDS
podman run --detach --name mediview-image "${as_deployed[@]}" mediview:tried up >/dev/null
is_well mediview-image 300
echo "image complete: node healthy after $((SECONDS - begun)) s"
podman exec mediview-image mediview doctor
podman exec mediview-image mediview demo
