#!/bin/bash
# make run: starts the node at once, and builds the viewer beside it where its sources are newer. Until that is
# done the node serves the viewer that was built before, and the build takes the processor that it leaves.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! make --no-print-directory --question viewer 2>/dev/null; then
    mkdir -p .stamps
    echo "The viewer is being built while the node starts; what it prints is in .stamps/viewer.log"
    # Without a job-controlling shell a background process ignores Ctrl-C unless it is set otherwise.
    env --default-signal=INT bash -c '
        if nice -n 19 make --no-print-directory viewer >.stamps/viewer.log 2>&1; then
            echo "The viewer is built: reload its page."
        else
            echo "The viewer could not be built. The node works without it; see .stamps/viewer.log"
        fi' &
fi
exec .venv/bin/mediview up
