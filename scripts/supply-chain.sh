#!/bin/bash
# usage: supply-chain.sh sbom|audit
# sbom:  what a node consists of, for Python and for the viewer, as CycloneDX 1.5 in .stamps/sbom.
# audit: whether weaknesses of the locked releases are known. Fails where one is, and where nobody could be asked.
set -euo pipefail
cd "$(dirname "$0")/.."

locked() { .venv/bin/uv export --quiet --frozen --no-dev --extra viewer --extra grpc --extra names "$@"; }

case "${1:-}" in
    sbom)
        mkdir -p .stamps/sbom
        locked --format cyclonedx1.5 --output-file .stamps/sbom/python.cdx.json >/dev/null
        # Made from package-lock.json: nothing has to be installed.
        scripts/viewer.sh sbom >.stamps/sbom/viewer.cdx.json
        wc --bytes .stamps/sbom/*.json
        ;;
    audit)
        status=0
        scripts/install.sh viewer audit
        mkdir -p .stamps/sbom
        locked --no-emit-project --format requirements.txt --output-file .stamps/sbom/requirements.txt >/dev/null
        .venv/bin/pip-audit --strict --disable-pip --require-hashes --requirement .stamps/sbom/requirements.txt || status=1
        scripts/viewer.sh audit || status=1
        exit $status
        ;;
    *) sed -n 2p "$0" | cut -c 3- >&2; exit 2 ;;
esac
