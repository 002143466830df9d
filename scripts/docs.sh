#!/bin/bash
# usage: docs.sh [serve]
# Builds the documentation site into .stamps/docs/site, or serves it with live reload.
# Warnings are errors: a page outside the navigation, a link or an anchor that leads nowhere.
# Its tools have an environment of their own, each release checked by its hash.
set -euo pipefail
cd "$(dirname "$0")/.."
work=.stamps/docs
mermaid=11.17.2
mermaid_sha256=6ad2f42c3fc26bbf9e45cbb6d11898972573ea52b33a5f4ff51952899f950ffd
mkdir -p $work

export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 UV_PYTHON_DOWNLOADS=never
if ! cmp --silent docs/site/requirements.txt $work/installed.txt; then
    .venv/bin/uv venv --quiet --clear --python .venv/bin/python $work/venv
    VIRTUAL_ENV=$work/venv .venv/bin/uv pip install --quiet --require-hashes --requirement docs/site/requirements.txt
    cp docs/site/requirements.txt $work/installed.txt
fi

# Diagrams are drawn in the browser by this script, which the site brings along.
if [ ! -e $work/mermaid-$mermaid.min.js ]; then
    archive=$(cd $work && ../../scripts/viewer.sh pack "mermaid@$mermaid")
    echo "$mermaid_sha256  $work/$archive" | sha256sum --check --quiet
    tar --extract --to-stdout --file "$work/$archive" package/dist/mermaid.min.js >$work/mermaid-$mermaid.min.js
    rm "$work/$archive"
fi

.venv/bin/mediview openapi --output $work/openapi.json

# Material announces its successor at each start.
export NO_MKDOCS_2_WARNING=1 MERMAID_JS=$work/mermaid-$mermaid.min.js OPENAPI_JSON=$work/openapi.json
case "${1:-build}" in
    # Not --quiet, which hides warnings from --strict, too.
    build) $work/venv/bin/mkdocs build --strict --clean ;;
    serve) exec $work/venv/bin/mkdocs serve --strict ;;
    *) sed -n 2p "$0" | cut -c 3- >&2; exit 2 ;;
esac
