#!/usr/bin/env bash
# Validate the description of the API, generate clients from it in two languages, and let each sign in and
# pass a story at a node. The generators have an environment of their own, in .stamps/generated-clients, since
# they want other releases than the node; every one of theirs stands with its hash in scripts/generators.txt.
set -euo pipefail
cd "$(dirname "$0")/.."

folder="$PWD/.stamps/generated-clients"
uv="${UV:-.venv/bin/uv}"
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1
mkdir -p "$folder/python" "$folder/typescript"
if ! cmp --silent scripts/generators.txt "$folder/installed.txt"; then
    "$uv" venv --quiet --clear --python .venv/bin/python "$folder/venv"
    "$uv" pip install --quiet --require-hashes --python "$folder/venv/bin/python" -r scripts/generators.txt
    cp scripts/generators.txt "$folder/installed.txt"
fi

make --no-print-directory .stamps/openapi.json
cp .stamps/openapi.json "$folder/openapi.json"
"$folder/venv/bin/python" -m openapi_spec_validator "$folder/openapi.json"

cat >"$folder/generator.yaml" <<'YAML'
# Files are files, whatever their type.
content_type_overrides:
  application/dicom: application/octet-stream
  application/pdf: application/octet-stream
  image/jpeg: application/octet-stream
  image/png: application/octet-stream
  multipart/related: application/octet-stream
YAML
PATH="$PWD/.venv/bin:$PATH" "$folder/venv/bin/openapi-python-client" generate --fail-on-warning \
    --path "$folder/openapi.json" --config "$folder/generator.yaml" --meta none --overwrite \
    --output-path "$folder/python/mediview_generated"

ln -sfn "$PWD/viewer/node_modules" "$folder/typescript/node_modules"
# The viewer's types come from the same generator.
OPENAPI_JSON="$folder/openapi.json" scripts/viewer.sh generate
cp tests/clients/generated/story.ts viewer/shared/api/generated/schema.d.ts "$folder/typescript/"
scripts/viewer.sh exec bash -euc '
    cd "$0"
    echo "{\"type\": \"module\"}" >package.json
    node_modules/.bin/tsc --strict --target es2022 --module nodenext --moduleResolution nodenext \
        --skipLibCheck --lib es2022,dom,dom.iterable --types node story.ts
' "$folder/typescript"

MEDIVIEW_TEST_GENERATED="$folder" scripts/viewer.sh exec .venv/bin/python -m pytest -q tests/clients/generated "$@"
