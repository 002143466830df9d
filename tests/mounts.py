"""Disks of a test's own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount over a folder; the test skips where this user may not, or in a container."""
    command = ["mount", *options, str(folder)]
    folder.mkdir(parents=True, exist_ok=True)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip(f"This user may not mount: {answer.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def free_bytes(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def fill_disk(disk: Path) -> Path:
    """Another program takes all there is, to the last byte."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        while file.write(bytes(64 << 10)) if free_bytes(disk) else 0:
            pass
    assert free_bytes(disk) == 0
    return ballast
