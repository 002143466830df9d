#!/bin/bash
# make dev: the node, started again whenever a Python file changes, and the viewer's development server
# beside it, which shows a change at once and passes everything else on to the node. Ctrl-C ends both.
# DEV_PORT (3000) is the viewer's port, MEDIVIEW_HTTP_PORT (8000) the node's.
set -euo pipefail
cd "$(dirname "$0")/.."

dev_port=${DEV_PORT:-3000}
node_port=${MEDIVIEW_HTTP_PORT:-8000}
scripts/viewer.sh generate

trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
.venv/bin/python -m watchfiles --filter python --sigint-timeout 20 \
    ".venv/bin/mediview up" storage dicom_node inference api &
MEDIVIEW_NODE=http://127.0.0.1:$node_port scripts/viewer.sh dev "$dev_port" &
echo "The viewer is at http://127.0.0.1:$dev_port/, the node at http://127.0.0.1:$node_port/."
# Whichever ends first ends the other.
wait -n
