"""Beat may run on every host; one of them ticks, and another does once that one is gone."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest
from celery import Celery
from sqlalchemy import Engine, create_engine, event, text
from structlog.testing import capture_logs

from inference.broker.celery_config import configuration
from inference.worker import beat
from inference.worker.beat import Scheduler
from storage.db.due.commit_watch import CommitWatch
from storage.db.locks import leadership
from storage.db.locks.leadership import Leadership
from storage.processes.signs_of_life import SignOfLife
from storage.settings import Settings
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer


@pytest.fixture
def engines(postgres_server: PostgresServer) -> Iterator[tuple[Engine, Engine]]:
    """Two hosts' ways to one database."""
    url = postgres_server.new_database()
    first, second = create_engine(url), create_engine(url)
    yield first, second
    first.dispose()
    second.dispose()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class AtOnce:
    """A watch that lets nobody wait: it is always time."""

    def wait(self, at_most_s: float) -> bool:
        return True

    def stay_busy(self) -> None:
        pass


class Host:
    """A beat with a folder of its own, and what it sent."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        tick_s: float = 1,
        watch: CommitWatch | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        settings = Settings(data_dir=folder, signs_of_life_dir=folder / "signs", tick_s=tick_s)
        app = Celery("test", set_as_current=False)
        app.conf.update(configuration(settings))
        self.leadership = beat.leadership(engine, folder)
        self.beats, self.sent = list[str](), list[str]()

        def give(name: str, _: datetime) -> None:
            self.beats.append(name)

        self._scheduler = Scheduler(
            app=app,
            lazy=True,
            beat=give,
            watch=watch or CommitWatch(engine, busy_s=0.05, settle_s=1, idle_s=0.05),
            sign=SignOfLife(settings, "beat"),
            leadership=self.leadership,
        )
        self._scheduler.setup_schedule()
        monkeypatch.setattr(
            self._scheduler, "apply_entry", lambda entry: self.sent.append(entry.name)
        )

    def tick(self) -> list[str]:
        self.sent.clear()
        self._scheduler.tick()
        return sorted(self.sent)


def test_one_of_two_hosts_ticks_and_the_other_takes_over(
    engines: tuple[Engine, Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = (
        Host(engine, tmp_path / name, monkeypatch)
        for engine, name in zip(engines, ("north", "south"), strict=True)
    )
    with closing(north.leadership), closing(south.leadership):
        assert north.tick() == ["housekeep", "retention", "tick"], "what a start does"
        assert south.tick() == []
        for _ in range(5):
            assert (north.tick(), south.tick()) == (["tick"], [])
        assert south.beats == ["beat"], "it lives, too"

        north.leadership.close()
        until(lambda: south.tick() == ["housekeep", "retention", "tick"])
        assert (north.tick(), south.tick()) == ([], ["tick"])


def test_a_host_that_reaches_no_broker_leaves_it_to_another(
    engines: tuple[Engine, Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = (
        Host(engine, tmp_path / name, monkeypatch)
        for engine, name in zip(engines, ("north", "south"), strict=True)
    )

    def away(*_: object) -> int:
        raise OSError("no route to host")

    with closing(north.leadership), closing(south.leadership):
        assert north.tick()
        with monkeypatch.context() as patched:
            patched.setattr(beat, "backlog", away)
            scheduler = north._scheduler
            scheduler.apply_async(scheduler.schedule["tick"])
        assert south.tick() == ["housekeep", "retention", "tick"]
        assert north.tick() == []


def test_who_waits_to_lead_tries_again_in_the_same_session(
    engines: tuple[Engine, Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby tries for as long as the node runs: sessions are dear to the server."""
    monkeypatch.setattr(leadership, "TRIED_EVERY_S", 0.0)
    opened: list[object] = []
    event.listen(engines[1], "connect", lambda *_: opened.append(None))
    north, south = (Leadership(one, tmp_path / str(n), 7) for n, one in enumerate(engines))
    with closing(north), closing(south):
        assert north.has()
        assert [south.has() for _ in range(6)] == [False] * 6
        assert len(opened) == 1


def test_with_slow_ticks_it_is_left_to_another_for_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits to lead looks when it wakes up: for a tick, or to say that it lives."""
    engine = create_engine("sqlite://")
    clock_s = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock_s[0])
    north, south = (
        Host(engine, tmp_path, monkeypatch, tick_s=10, watch=cast(CommitWatch, AtOnce()))
        for _ in range(2)
    )

    def at(second: float, host: Host) -> bool:
        clock_s[0] = 100 + second
        return bool(host.tick())

    def away(*_: object) -> int:
        raise OSError("no route to host")

    with closing(north.leadership), closing(south.leadership):
        assert (at(0, north), at(0.1, south)) == (True, False)
        assert not at(4.9, south)
        monkeypatch.setattr(beat, "backlog", away)
        clock_s[0] = 105
        north._scheduler.apply_async(north._scheduler.schedule["tick"])
        assert not at(9.8, north), "it left it to others a moment after they had tried"
        assert at(9.9, south)


def test_who_can_never_lead_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written, a database that is away: not another one that leads."""
    monkeypatch.setattr(leadership, "TRIED_EVERY_S", 0.0)
    (tmp_path / "beat.lock").mkdir()
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:29500/none")
    with (
        capture_logs() as logs,
        closing(beat.leadership(create_engine("sqlite://"), tmp_path)) as in_no_folder,
        closing(Leadership(away, tmp_path / "other.lock", 7)) as without_database,
    ):
        for _ in range(3):
            assert not in_no_folder.has()
            assert not without_database.has()
        (tmp_path / "beat.lock").rmdir()
        assert in_no_folder.has()
        with closing(beat.leadership(create_engine("sqlite://"), tmp_path)) as second:
            assert not second.has()
    assert [(one["event"], one["lock"]) for one in logs] == [
        ("leadership_failed", "beat.lock"),
        ("leadership_failed", "other.lock"),
        ("leadership_recovered", "beat.lock"),
    ]
    assert "Is a directory" in logs[0]["detail"]
    assert logs[1]["error"] == "storage_unavailable"


@pytest.mark.parametrize("count", [1, 4])
def test_a_lost_session_is_noticed_before_two_lead(
    engines: tuple[Engine, Engine], tmp_path: Path, count: int
) -> None:
    """As after a restart of the server, or when another takes its place."""
    with ExitStack() as stack:
        hosts = [
            stack.enter_context(closing(Leadership(engines[n % 2], tmp_path / str(n), 7)))
            for n in range(count)
        ]
        assert [one.has() for one in hosts] == [True] + [False] * (count - 1)
        with engines[1].connect() as connection:
            mine = "pid <> pg_backend_pid() AND datname = current_database()"
            connection.execute(
                text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
            )
        until(lambda: sum(one.has() for one in hosts) == 1)
        for _ in range(5):
            assert sum(one.has() for one in hosts) == 1


def test_of_the_processes_of_a_machine_one_leads_without_postgresql(tmp_path: Path) -> None:
    engine = create_engine("sqlite://")
    first, second = (Leadership(engine, tmp_path / "beat.lock", 7) for _ in range(2))
    with closing(first), closing(second):
        assert (first.has(), second.has(), first.has()) == (True, False, True)
        first.close()
        until(second.has)
