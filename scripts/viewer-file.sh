#!/bin/bash
# usage: viewer-file.sh pack | unpack FILE_OR_URL SHA256
# The built viewer as one file of a release, for machines that should or can not build it. `pack` writes the
# same bytes from the same build and prints their SHA-256; `unpack` takes nothing whose SHA-256 is another.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
    pack)
        version=$(.venv/bin/python -c 'from importlib.metadata import version; print(version("mediview"))')
        file=.stamps/mediview-viewer-$version.tar.gz
        tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
            --exclude=.built --directory viewer/out . | gzip --no-name --best >"$file"
        sha256sum "$file"
        ;;
    unpack)
        [ $# -eq 3 ] || { echo "Say which file it has to be: make viewer VIEWER_FILE=$2 VIEWER_SHA256=…" >&2; exit 2; }
        part=$(mktemp --directory .stamps/viewer.XXXXXX)
        trap 'rm -rf "$part"' EXIT
        case $2 in
            https://*) .venv/bin/python - "$2" "$part/file" <<'PYTHON'
import sys
import httpx

LIMIT_BYTES = 200_000_000
with httpx.stream("GET", sys.argv[1], follow_redirects=True, timeout=60) as answer, open(sys.argv[2], "wb") as file:
    answer.raise_for_status()
    for chunk in answer.iter_bytes():
        file.write(chunk)
        if file.tell() > LIMIT_BYTES:
            sys.exit(f"{sys.argv[1]} has more than {LIMIT_BYTES} bytes, which no viewer has.")
PYTHON
                ;;
            *) cp "$2" "$part/file" ;;
        esac
        found=$(sha256sum <"$part/file" | cut -d ' ' -f 1)
        if [ "$found" != "$3" ]; then
            echo "The SHA-256 of $2 is $found and not $3. Nothing was unpacked." >&2
            exit 1
        fi
        mkdir "$part/out"
        tar --extract --gzip --no-same-owner --no-same-permissions --file "$part/file" --directory "$part/out"
        [ -f "$part/out/index.html" ] || { echo "$2 is not a built viewer: it has no index.html." >&2; exit 1; }
        scripts/replace-folder.sh "$part/out" viewer/out
        ;;
    *) sed -n 2p "$0" | cut -c 3- >&2; exit 2 ;;
esac
