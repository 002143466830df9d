"""What is built of the API's description is built again when any package changes it."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DESCRIPTION = ".stamps/openapi.json"


def made(folder: Path) -> None:
    subprocess.run(
        ["make", "--no-print-directory", DESCRIPTION],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=60,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout whose `mediview openapi` writes what the four modules hold."""
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    for package in ("storage", "dicom_node", "inference", "api"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "types.py").write_text(package)
    (tmp_path / ".stamps").mkdir()
    (tmp_path / ".stamps" / "runtime").touch()
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    (commands / "python").touch()
    (commands / "mediview").write_text('#!/bin/sh\ncat */types.py >"$3"; echo >>ran\n')
    (commands / "mediview").chmod(0o755)
    made(tmp_path)
    return tmp_path


@pytest.mark.parametrize("package", ["storage", "dicom_node", "inference", "api"])
def test_a_type_of_any_package_makes_the_description_again(folder: Path, package: str) -> None:
    source = folder / package / "types.py"
    source.write_text("another type")
    os.utime(source, (time.time() + 1, time.time() + 1))
    made(folder)
    assert "another type" in (folder / DESCRIPTION).read_text()


def test_a_description_that_stays_the_same_keeps_its_time(folder: Path) -> None:
    # What was made is older than the source: one that is touched at once may bear the same time.
    for path in (folder / ".stamps").iterdir():
        os.utime(path, (time.time() - 60, time.time() - 60))
    before = (folder / DESCRIPTION).stat().st_mtime_ns
    (folder / "storage" / "types.py").touch()
    made(folder)
    assert (folder / DESCRIPTION).stat().st_mtime_ns == before
    made(folder)
    assert (folder / "ran").read_text() == 2 * "\n"
    (folder / DESCRIPTION).unlink()
    made(folder)
    assert (folder / DESCRIPTION).exists()
