"""Looking for work when something was committed, and seldom otherwise."""

import errno
import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, text

from storage.db.due.commit_watch import CommitWatch
from storage.db.engine import make_engine, reading, writing

BUSY_S, SETTLE_S, IDLE_S = 0.02, 0.1, 60.0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path}/index.sqlite3")
    with writing(engine) as connection:
        connection.execute(text("create table work (number integer)"))
    yield engine
    engine.dispose()


@dataclass
class Clock:
    """Goes on while somebody waits, and only then."""

    now_s: float = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def pause(self, watch: CommitWatch, wait_s: float, *, for_commits: bool) -> bool:
        # One that has come ends the wait at once.
        is_ended = PAUSE(watch, 0.0, for_commits=for_commits)
        if not (for_commits and watch._watch is not None and has_come(watch._watch.fileno())):
            self.now_s += wait_s
        return is_ended


PAUSE = CommitWatch._pause


def has_come(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("storage.db.due.commit_watch.time", clock)

    def pause(watch: CommitWatch, wait_s: float, *, for_commits: bool) -> bool:
        return clock.pause(watch, wait_s, for_commits=for_commits)

    monkeypatch.setattr(CommitWatch, "_pause", pause)
    return clock


@contextmanager
def settled(engine: Engine) -> Iterator[CommitWatch]:
    """A watch with which nothing happens any more."""
    with closing(CommitWatch(engine, busy_s=BUSY_S, settle_s=SETTLE_S, idle_s=IDLE_S)) as watch:
        while watch.wait(2 * BUSY_S):
            pass
        yield watch


def commit(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("insert into work values (1)"))


def test_a_commit_ends_an_idle_wait(engine: Engine) -> None:
    with settled(engine) as watch:
        committing = threading.Timer(BUSY_S, commit, (engine,))
        committing.start()
        assert watch.wait(IDLE_S / 2)
        committing.join()


def test_what_was_committed_is_looked_after_until_it_has_settled(
    engine: Engine, clock: Clock
) -> None:
    with settled(engine) as watch:
        commit(engine)
        began_s = clock.now_s
        while watch.wait(2 * BUSY_S):
            pass
        assert SETTLE_S <= clock.now_s - began_s <= SETTLE_S + 3 * BUSY_S


def test_what_only_reads_or_changes_nothing_wakes_nobody(engine: Engine) -> None:
    with settled(engine) as watch:
        with reading(engine) as connection:
            connection.execute(text("select * from work")).all()
        with writing(engine) as connection:
            connection.execute(text("delete from work where number = 7"))
        assert not watch.wait(2 * BUSY_S)


def test_without_commits_it_is_time_after_the_idle_interval(engine: Engine) -> None:
    with closing(CommitWatch(engine, busy_s=BUSY_S, settle_s=0, idle_s=4 * BUSY_S)) as watch:
        began = time.monotonic()
        assert watch.wait()
        assert watch.wait()
        assert time.monotonic() - began >= 4 * BUSY_S


def test_a_wait_is_ended_from_another_thread_and_none_begins_afterwards(engine: Engine) -> None:
    with settled(engine) as watch:
        stopping = threading.Timer(BUSY_S, watch.stop)
        stopping.start()
        assert not watch.wait()
        assert not watch.wait()
        stopping.join()


@pytest.mark.usefixtures("clock")
def test_what_is_left_to_do_is_looked_after_without_a_commit(engine: Engine) -> None:
    with settled(engine) as watch:
        watch.stay_busy()
        assert watch.wait(IDLE_S / 2)


def test_a_commit_is_seen_after_the_log_was_made_again_under_its_inode(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Threads of other tests ask for their own files meanwhile.
    of_file = Path.stat

    def under_its_inode(path: Path, **follow: bool) -> os.stat_result | SimpleNamespace:
        of_log = path.name.endswith("-wal")
        return SimpleNamespace(st_dev=1, st_ino=1) if of_log else of_file(path, **follow)

    monkeypatch.setattr(Path, "stat", under_its_inode)
    with settled(engine) as watch:
        engine.dispose()  # the last one removes the log
        commit(engine)
        while watch.wait(2 * BUSY_S):
            pass
        commit(engine)
        assert watch.wait(IDLE_S / 2)


def test_where_commits_are_not_seen_it_is_always_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("inotify_simple.INotify", refuse)
    with closing(CommitWatch(engine, busy_s=BUSY_S, settle_s=0, idle_s=IDLE_S)) as watch:
        assert all(watch.wait(IDLE_S / 2) for _ in range(3))
