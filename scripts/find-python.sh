#!/bin/bash
# usage: find-python.sh [CANDIDATE]
# Prints the first Python of 3.11 to 3.14 that can make virtual environments, or says what to do.
set -u

usable() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null
}

if [ -n "${1:-}" ]; then
    usable "$1" && { command -v "$1"; exit 0; }
    echo "$1 is not a Python of 3.11 to 3.14 with its venv module." >&2
else
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        usable "$name" && { command -v "$name"; exit 0; }
    done
    echo "No Python of 3.11 to 3.14 with its venv module was found." >&2
fi
echo "On Debian: apt-get install python3 python3-venv. Or name one: make run PYTHON=/path/to/python3" >&2
exit 1
