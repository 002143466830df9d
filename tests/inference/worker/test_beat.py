"""The node's clock: when it sends a tick, and that it says that it lives."""

import os
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from celery import Celery
from celery.beat import PersistentScheduler
from sqlalchemy import create_engine

from api.probe import sign_failure
from inference.broker.celery_config import configuration
from inference.worker import beat
from inference.worker.beat import Scheduler
from storage.core.clock import utcnow
from storage.core.errors import StorageUnavailable
from storage.db.due.commit_watch import CommitWatch
from storage.processes.signs_of_life import SignOfLife
from storage.settings import Settings


@dataclass
class Watch:
    """Says what it is told; nobody waits."""

    is_time: bool = False
    waits_s: list[float] = field(default_factory=list)
    is_busy: bool = False

    def stay_busy(self) -> None:
        self.is_busy = True

    def wait(self, at_most_s: float) -> bool:
        self.waits_s.append(at_most_s)
        return self.is_time


@dataclass
class Beaten:
    scheduler: Scheduler
    watch: Watch
    sent: list[str]
    beats: list[str]

    def tick(self) -> list[str]:
        """The names of what was sent."""
        self.sent.clear()
        assert self.scheduler.tick() == 0
        return list(self.sent)


@pytest.fixture
def beaten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Beaten:
    app = Celery("test", set_as_current=False)
    app.conf.update(configuration(Settings(data_dir=tmp_path)))
    watch, sent, beats = Watch(), list[str](), list[str]()
    scheduler = Scheduler(
        app=app,
        lazy=True,
        beat=lambda name, _: beats.append(name),
        watch=cast(CommitWatch, watch),
        sign=SignOfLife(Settings(signs_of_life_dir=tmp_path / "signs"), "beat"),
        leadership=beat.leadership(create_engine("sqlite://"), tmp_path),
    )
    scheduler.setup_schedule()
    monkeypatch.setattr(scheduler, "apply_entry", lambda entry: sent.append(entry.name))
    return Beaten(scheduler, watch, sent, beats)


def test_a_tick_is_sent_when_there_may_be_something_to_do(beaten: Beaten) -> None:
    assert sorted(beaten.tick()) == ["housekeep", "retention", "tick"], "what a start does once"
    assert beaten.tick() == []
    beaten.watch.is_time = True
    assert beaten.tick() == ["tick"]


def test_it_keeps_no_file_of_what_it_sent(beaten: Beaten, tmp_path: Path) -> None:
    """Celery's own is a pickle, which runs what somebody else has written into it."""
    beaten.tick()
    beaten.scheduler.sync()
    beaten.scheduler.close()
    assert not isinstance(beaten.scheduler, PersistentScheduler)
    assert [one.name for one in tmp_path.rglob("*") if "schedule" in one.name] == []


def test_it_waits_until_the_next_sign_of_life_or_task(beaten: Beaten) -> None:
    beaten.tick()
    beaten.tick()
    assert beaten.beats == ["beat"]
    assert 4 < beaten.watch.waits_s[-1] <= 5


@pytest.mark.parametrize("waiting", [OSError("no space"), 30])
def test_a_tick_that_was_not_sent_is_tried_again_soon(
    beaten: Beaten, monkeypatch: pytest.MonkeyPatch, waiting: OSError | int
) -> None:
    def backlog(*_: object) -> int:
        if isinstance(waiting, OSError):
            raise waiting
        return waiting

    monkeypatch.setattr(beat, "backlog", backlog)
    beaten.scheduler.apply_async(beaten.scheduler.schedule["tick"])
    assert beaten.watch.is_busy


def test_a_tick_is_sent_when_the_time_of_day_was_set(
    beaten: Beaten, monkeypatch: pytest.MonkeyPatch
) -> None:
    beaten.tick()

    def an_hour_ago() -> datetime:
        return utcnow() - timedelta(hours=1)

    monkeypatch.setattr(beat, "utcnow", an_hour_ago)
    assert beaten.tick() == ["tick"]
    assert beaten.tick() == []


def test_a_probe_sees_that_it_ticks_also_while_the_database_is_away(
    beaten: Beaten, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = tmp_path / "signs/beat"
    assert "has no sign of life" in sign_failure(sign, 60, time.time())

    def away(*_: object) -> None:
        raise StorageUnavailable("The database does not answer.")

    monkeypatch.setattr(beaten.scheduler, "_beat", away)
    beaten.tick()
    assert sign_failure(sign, 60, time.time()) == ""
    assert sign.stat().st_mode & 0o777 == 0o600
    os.utime(sign, (time.time() - 90, time.time() - 90))
    assert "90 s old" in sign_failure(sign, 60, time.time())
    assert sign_failure(sign, 60, time.time() - 3600) == "", "a clock that was set back"
