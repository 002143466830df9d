"""Whose study is put into its groups next, where many wait that strangers have sent."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event, update
from structlog.testing import capture_logs

from inference.access_groups.service import apply_rules
from inference.worker.due_work import WakeUps
from inference.worker.scheduler import Scheduler
from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.callers.turns import Turn, Turns
from storage.core.clock import utcnow
from storage.core.errors import StorageUnavailable
from storage.core.uids import derive_uid
from storage.db.engine import writing
from storage.peers.entities import KnownPeer
from storage.settings import Settings
from tests.storage.instances import part10


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    with open_storage(storage_settings) as opened:
        opened.access_groups.add("North", rule={"InstitutionName": "North"})
        opened.peers.add(KnownPeer("ct", ae_title="PEERA", host="127.0.0.1", port=104))
        yield opened


def send(storage: Storage, name: str, title: str) -> str:
    storage.ingest.accept(part10(study=name, InstitutionName="North"), f"dimse:{title}")
    return derive_uid("test", name)


def strangers_send(storage: Storage, count: int) -> None:
    for number in range(count):
        send(storage, f"flood-{number}", f"STRF{number % 8}")


def is_decided(storage: Storage, study: str) -> bool:
    return study not in storage.access_decisions.waiting(1000)


@pytest.mark.parametrize("came", ["before", "after"])
def test_a_known_peer_s_study_is_decided_on_at_once(storage: Storage, came: str) -> None:
    """However many titles the strangers choose, and though a round decides on one study."""
    own = send(storage, "own", "PEERA") if came == "before" else ""
    strangers_send(storage, 40)
    own = own or send(storage, "own", "PEERA")
    turns = Turns()
    # What strangers took in the rounds before counts for all of them together.
    turns.note_turn(Turn("strangers", "dimse:STRF0"), 1.0)
    assert apply_rules(storage, utcnow(), budget_s=1e-9, turns=turns) == 1
    assert is_decided(storage, own)
    assert storage.access_groups.of_study(own) == {"North": "rule"}


def test_a_round_that_completes_hundreds_of_series_shows_what_comes_meanwhile(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each series takes a moment, as on a slow disk; the study comes in their midst."""
    strangers_send(storage, 12)
    monkeypatch.setattr("inference.worker.scheduler._RULES_S", 0.1)
    offered: list[bool] = []
    own: list[str] = []

    def slow(*_: object) -> list[object]:
        if not own:
            own.append(send(storage, "own", "PEERA"))
        time.sleep(0.06)
        offered.append(is_decided(storage, own[0]))
        return []

    monkeypatch.setattr("inference.scheduling.schedule.schedule_series", slow)
    scheduler = Scheduler(storage, pipelines=[], wake=WakeUps(lambda *_: None, lambda: None))
    assert scheduler.tick(utcnow() + timedelta(minutes=10))
    assert len(offered) == 12
    assert offered[-1], "it waits for the end of the round"
    assert storage.access_groups.of_study(own[0]) == {"North": "rule"}


def test_rules_that_cannot_be_applied_are_tried_each_second_and_not_after_each_series(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers_send(storage, 12)
    tried: list[float] = []

    def fails(*_: object, **__: object) -> int:
        tried.append(time.monotonic())
        raise StorageUnavailable("The database is away.")

    monkeypatch.setattr("inference.worker.scheduler.apply_rules", fails)
    monkeypatch.setattr("inference.worker.scheduler._RULES_S", 3600.0)
    scheduler = Scheduler(storage, pipelines=[], wake=WakeUps(lambda *_: None, lambda: None))
    assert scheduler.tick(utcnow() + timedelta(minutes=10))
    assert len(tried) == 1


def test_rules_that_cannot_be_applied_in_the_midst_of_a_round_keep_no_series_from_its_pipelines(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers_send(storage, 3)
    offered: list[object] = []

    def fails(*_: object, **__: object) -> int:
        raise StorageUnavailable("The database is away.")

    def offer(*given: object) -> list[object]:
        offered.append(given)
        return []

    monkeypatch.setattr("inference.worker.scheduler.apply_rules", fails)
    monkeypatch.setattr("inference.worker.scheduler._RULES_S", 0.0)
    monkeypatch.setattr("inference.scheduling.schedule.schedule_series", offer)
    scheduler = Scheduler(storage, pipelines=[], wake=WakeUps(lambda *_: None, lambda: None))
    with capture_logs() as logged:
        assert scheduler.tick(utcnow() + timedelta(minutes=10))
    assert len(offered) == 3
    failed = [(one["event"], one["step"]) for one in logged if one["log_level"] == "error"]
    assert len(failed) > 1
    assert set(failed) == {("tick_step_failed", "apply_access_rules")}


def test_of_strangers_each_title_has_its_turn(storage: Storage) -> None:
    strangers_send(storage, 20)
    other = send(storage, "other", "UNKNOWN-CT")
    strangers_send(storage, 30)
    known = [send(storage, f"own-{number}", "PEERA") for number in range(4)]
    waiting = storage.access_decisions.waiting(1000)
    in_turn = Turns().in_turn_of_shares(waiting.items(), {"PEERA"})
    first = [study for study, _ in in_turn[:18]]
    assert other in first
    assert {known[0], known[-1]} <= set(first), "every other one is a known peer's"


def test_the_oldest_of_more_than_are_looked_at_is_among_them(storage: Storage) -> None:
    oldest = send(storage, "oldest", "PEERA")
    strangers_send(storage, 12)
    looked_at = storage.access_decisions.waiting(6)
    assert len(looked_at) == 6
    assert looked_at[oldest] == "dimse:PEERA"
    assert next(iter(looked_at)) == derive_uid("test", "flood-11")


def test_what_is_looked_at_again_comes_behind_what_is_new(storage: Storage) -> None:
    old = send(storage, "old", "PEERA")
    with writing(storage.engine) as connection:
        connection.execute(
            update(t.study)
            .where(t.study.c.study_instance_uid == old)
            .values(access_rules_version=1)
        )
    storage.access_groups.add("South", rule={"InstitutionName": "South"})
    new = send(storage, "new", "PEERA")
    assert list(storage.access_decisions.waiting(10)) == [new, old]


def test_looking_for_what_waits_is_one_question(storage: Storage) -> None:
    strangers_send(storage, 30)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(storage.engine, "before_cursor_execute", note)
    try:
        assert len(storage.access_decisions.waiting(100)) == 30
    finally:
        event.remove(storage.engine, "before_cursor_execute", note)
    assert len(asked) == 2, "the version of the rules, and what waits"
