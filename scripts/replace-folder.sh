#!/bin/bash
# usage: replace-folder.sh NEW OLD
# Puts a folder in the place of another on the same disk, at one moment: who reads OLD by its path finds all
# of the one or all of the other, and never nothing.
set -euo pipefail

if [ -e "$2" ] || [ -L "$2" ]; then
    # mv learnt --exchange with coreutils 9.5.
    "$(dirname "$0")/../.venv/bin/python" - "$1" "$2" <<'PYTHON'
import ctypes
import os
import sys

AT_FDCWD, RENAME_EXCHANGE = -100, 2
made, kept = (os.fsencode(path) for path in sys.argv[1:])
if ctypes.CDLL(None, use_errno=True).renameat2(AT_FDCWD, made, AT_FDCWD, kept, RENAME_EXCHANGE):
    # Some file systems, as those of shared folders, cannot: there it takes two steps.
    os.rename(kept, kept + b".old")
    os.rename(made, kept)
    os.rename(kept + b".old", made)
PYTHON
    rm -rf "$1"
else
    mv "$1" "$2"
fi
