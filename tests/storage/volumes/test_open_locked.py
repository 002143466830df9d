"""A new file of a volume, at which other processes look before it is locked."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest

from storage.volumes import files
from storage.volumes.files import is_in_place, open_locked
from storage.volumes.returning import take_back
from storage.volumes.scan import is_being_written

FLOCK = fcntl.flock


def before_the_lock(monkeypatch: pytest.MonkeyPatch, step: Callable[[], object]) -> None:
    """Another process does something between the opening and the locking of the file."""
    waiting = [step]

    def lock(fd: int, how: int) -> None:
        if waiting:
            waiting.pop()()
        FLOCK(fd, how)

    monkeypatch.setattr(files.fcntl, "flock", lock)


def test_a_copy_that_is_begun_just_now_does_not_go_for_an_abandoned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "20260201T101500-1.returning"
    before_the_lock(monkeypatch, lambda: take_back(tmp_path))
    fd = open_locked(path)
    assert is_in_place(path, os.fstat(fd))
    assert is_being_written(path)
    take_back(tmp_path)
    assert is_in_place(path, os.fstat(fd)), "it is locked, and still empty"
    os.close(fd)
    take_back(tmp_path)
    assert not path.exists()


def test_a_file_that_is_looked_at_just_now_is_locked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "20260201T101500-1.mvv"

    def look() -> None:
        reader = os.open(path, os.O_RDONLY)
        FLOCK(reader, fcntl.LOCK_SH)
        Timer(0.1, os.close, (reader,)).start()

    before_the_lock(monkeypatch, look)
    fd = open_locked(path)
    assert is_being_written(path)
    os.close(fd)
