"""Turns at something that only so many may use at a time, and the folder that tells of them."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from structlog.testing import capture_logs

from storage.processes import folder_watch, turn_taking
from storage.processes.folder_watch import ARRIVED, FolderWatch
from storage.processes.turn_taking import turn


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    yield engine
    engine.dispose()


def refuse_to_watch(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    folder_watch._log_once.cache_clear()
    monkeypatch.setattr("inotify_simple.INotify", refuse)


def waiter(engine: Engine, folder: Path, got: list[bool]) -> threading.Thread:
    def wait() -> None:
        with turn(engine, folder, "triton", 2, 60) as is_free:
            got.append(is_free)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_who_waits_hears_that_a_turn_has_ended(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_taking, "_LOOKED_EVERY_S", 60.0)
    got: list[bool] = []
    with turn(engine, tmp_path, "triton", 2, 0) as first:
        with turn(engine, tmp_path, "triton", 2, 0) as second:
            with turn(engine, tmp_path, "triton", 2, 0.05) as third:
                assert (first, second, third) == (True, True, False)
            threads = [waiter(engine, tmp_path, got) for _ in range(3)]
        for thread in threads:
            thread.join(20)
        assert got == [True, True, True]


def test_turns_are_taken_where_nothing_can_be_watched(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_watch(monkeypatch, errno.EMFILE)
    got: list[bool] = []
    with turn(engine, tmp_path, "triton", 1, 0), capture_logs() as logs:
        threads = [waiter(engine, tmp_path, got) for _ in range(2)]
        with turn(engine, tmp_path, "triton", 1, 0.05) as is_free:
            assert not is_free
    for thread in threads:
        thread.join(20)
    assert got == [True, True]
    (line,) = logs
    assert (line["event"], line["error"]) == ("folder_not_watched", "EMFILE")
    assert "fs.inotify.max_user_instances" in line["remedy"]


def test_the_limit_of_watches_is_named_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_watch(monkeypatch, errno.ENOSPC)
    with capture_logs() as logs:
        watch = FolderWatch(tmp_path, ARRIVED)
        watch.wait(0.01)
        watch.close()
    assert "fs.inotify.max_user_watches" in logs[0]["remedy"]
