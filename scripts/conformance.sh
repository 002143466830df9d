#!/usr/bin/env bash
# Validate the description of the API, generate clients from it in two languages, and let each sign in and
# pass a story at a node. Then run the tests by the standards, and print how many of each passed (docs/CONFORMANCE.md,
# chapter 7). The generators have an environment of their own, in .stamps/conformance.
set -euo pipefail
cd "$(dirname "$0")/.."

folder="$PWD/.stamps/conformance"
uv="${UV:-.venv/bin/uv}"
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1
mkdir -p "$folder/python" "$folder/typescript"
if [ ! -e "$folder/venv/.ready" ]; then
    "$uv" venv --quiet --allow-existing --python .venv/bin/python "$folder/venv"
    "$uv" pip install --quiet --python "$folder/venv/bin/python" \
        openapi-python-client==0.29.1 openapi-spec-validator python-dateutil
    touch "$folder/venv/.ready"
fi

.venv/bin/mediview openapi --output "$folder/openapi.json"
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
cp tests/clients/generated/story.ts "$folder/typescript/"
scripts/viewer.sh exec bash -euc '
    cd "$0"
    node_modules/.bin/openapi-typescript ../openapi.json --output schema.d.ts
    echo "{\"type\": \"module\"}" >package.json
    node_modules/.bin/tsc --strict --target es2022 --module nodenext --moduleResolution nodenext \
        --skipLibCheck --lib es2022,dom,dom.iterable --types node story.ts
' "$folder/typescript"

MEDIVIEW_LONG_TESTS=1 .venv/bin/python -m pytest tests/api/server/test_description.py
MEDIVIEW_TEST_GENERATED="$folder" scripts/viewer.sh exec .venv/bin/python -m pytest tests/clients/generated "$@"

failed=0
figures=()
suite() {
    local name=$1 log
    shift
    log=$folder/${name// /-}.log
    echo "==> $name"
    .venv/bin/python -m pytest -q "$@" | tee "$log" | tail -n 1 || failed=1
    figures+=("$(printf '%-12s %s' "$name" "$(tail -n 1 "$log")")")
}
suite DICOMweb tests/api/dicomweb
suite UPS-RS tests/api/ups
suite DIMSE tests/dicom_node --ignore tests/dicom_node/hl7
suite "HL7 v2" tests/dicom_node/hl7 tests/inference/reports/test_export.py
suite FHIR tests/api/fhir
suite Objects tests/standard
suite REST tests/api/server/test_description.py tests/api/test_unknown_names.py
printf '%s\n' "" "${figures[@]}"
exit $failed
