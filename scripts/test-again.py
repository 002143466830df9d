"""What few tests failed beside six other parts, once more, when nothing else runs.

On two cores a test may wait longer than it allows for, and tells nothing of the node then. It runs
again with the seed of its part. A test that fails again has failed; one that passes is named at the
end, for it is still a fault, if only of the test. More than `_MOST` are no accident, and none runs.

Usage: test-again.py FOLDER PART...: `FOLDER` holds each part's log and cache of pytest. Writes how
many passed to `FOLDER/passed-again`, and ends with 1 where any did not.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

_MOST = 5


def main(folder: Path, parts: list[str]) -> int:
    unknown = [part for part in parts if not _remembered(folder, part).exists()]
    if unknown:
        # A full disk, for one, keeps pytest from writing it.
        print(f"\nPytest kept no list of what failed in {', '.join(unknown)}: none runs again.")
        return 1
    failed = {part: _failed(folder, part) for part in parts}
    count = sum(map(len, failed.values()))
    if count > _MOST:
        print(f"\n{count} tests failed, more than {_MOST}: none runs again.")
        return 1
    passed = [test for part in parts for test in failed[part] if _passes(folder, part, test)]
    for test in passed:
        print(f"UNSTEADY {test}: failed beside the others and passed alone")
    (folder / "passed-again").write_text(str(len(passed)))
    return int(len(passed) < count)


def _failed(folder: Path, part: str) -> list[str]:
    """The tests that pytest remembers as failed."""
    return sorted(json.loads(_remembered(folder, part).read_text()))


def _remembered(folder: Path, part: str) -> Path:
    return folder / f"cache-{part}" / "v" / "cache" / "lastfailed"


def _passes(folder: Path, part: str, test: str) -> bool:
    seed = re.search(r"randomly-seed=(\d+)", (folder / f"tests-{part}.log").read_text())
    options = [f"--randomly-seed={seed[1]}"] if seed else []
    options += ["-o", f"cache_dir={folder}/cache-again"]
    print(f"\n==> once more and alone: {test}", flush=True)
    command = [sys.executable, "-m", "pytest", *options, test]
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
