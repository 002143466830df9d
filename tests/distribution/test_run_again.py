"""What `make test` does with a test that fails beside the others: `scripts/test-again.py`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PART = """
from pathlib import Path
import pytest

def test_well(): pass

def test_late_once():
    seen = Path({seen!r})
    before = seen.exists()
    seen.touch()
    assert before

@pytest.mark.parametrize("number", range({broken}))
def test_broken(number): assert False
"""


@pytest.mark.parametrize(
    ("broken", "passes", "sentence"),
    [
        (0, True, "UNSTEADY test_part.py::test_late_once: failed beside"),
        (1, False, "once more and alone: test_part.py::test_broken[0]"),
        (5, False, "6 tests failed, more than 5"),
    ],
)
def test_only_what_passes_alone_is_forgiven(
    tmp_path: Path, broken: int, passes: bool, sentence: str
) -> None:
    (tmp_path / "pytest.ini").touch()
    text = PART.format(seen=str(tmp_path / "seen"), broken=broken)
    (tmp_path / "test_part.py").write_text(text)
    pytest_run = ("-m", "pytest", "-o", "cache_dir=logs/cache-web", "test_part.py")
    first = run(tmp_path, *pytest_run)
    assert first.returncode == 1
    (tmp_path / "logs" / "tests-web.log").write_text(first.stdout)
    again = run(tmp_path, str(ROOT / "scripts" / "test-again.py"), "logs", "web")
    assert (again.returncode == 0) == passes, again.stdout
    assert sentence in again.stdout
    if broken < 5:
        assert (tmp_path / "logs" / "passed-again").read_text() == "1"


def test_a_part_whose_failures_are_not_known_fails_in_words(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    again = run(tmp_path, str(ROOT / "scripts" / "test-again.py"), "logs", "web", "faults")
    assert again.returncode == 1
    assert "no list of what failed in web, faults" in again.stdout
    assert not again.stderr


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    # Of all plugins the one that says with what seed it ran.
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p pytest_randomly"}
    quiet = {**os.environ, "PYTHONPATH": "", **plugins}
    words = [sys.executable, *command]
    return subprocess.run(words, check=False, cwd=folder, env=quiet, capture_output=True, text=True)
