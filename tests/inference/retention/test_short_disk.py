"""Where the disk is short, studies that may leave early do so, before anything is refused."""

import os
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from inference.retention.outlook import disk_outlook
from storage.core.errors import StorageFull
from storage.settings import Settings, load_settings
from tests.inference.retention.simulation import SimulatedNode, rules_in, simulated_node
from tests.inference.retention.studies import is_here
from tests.migrated import upgrade
from tests.postgres import PostgresServer

MIB = 1 << 20
STUDY_BYTES = 128 * 1024
LARGE_BYTES = 512 * 1024
LONG = bool(os.environ.get("MEDIVIEW_LONG_TESTS"))
EARLY = "  - {name: images, keep_days: 60, evict: true}\n"


def small_node(folder: Path, disk_bytes: int, **more: object) -> Settings:
    settings = load_settings(
        data_dir=folder / "data",
        volume_size_bytes=MIB,
        free_disk_mark_bytes=disk_bytes // 8,
        disk_evict_bytes=disk_bytes * 3 // 8,
        disk_warn_bytes=disk_bytes // 2,
        **more,
    )
    upgrade(settings)
    return settings


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedNode]:
    """Of 8 MiB: below 4 it warns, below 3 studies leave early, below 1 it refuses."""
    settings = small_node(tmp_path, 8 * MIB)
    rules_in(settings, EARLY)
    with simulated_node(settings, 8 * MIB, monkeypatch) as opened:
        yield opened


def fill(node: SimulatedNode, count: int, name: str = "study", **attributes: object) -> list[str]:
    """Studies an hour apart; no round meanwhile."""
    found = []
    for number in range(count):
        found.append(node.receive(f"{name}-{number}", STUDY_BYTES, **attributes))
        node.now += timedelta(hours=1)
    return found


@pytest.mark.slow
def test_the_longest_unused_leaves_first_and_no_more_than_needed(node: SimulatedNode) -> None:
    studies = fill(node, 44)
    node.use(studies[0])
    free_before = node.free_bytes()
    assert free_before < 3 * MIB
    done = node.pass_time(2)
    assert done.is_short
    assert 0 < done.removed < 16
    assert not done.missing_bytes
    assert is_here(node.storage, studies[0]), "somebody has just used it"
    assert [is_here(node.storage, one) for one in studies[1 : done.removed + 1]] == [
        False
    ] * done.removed
    node.pass_time(1)
    assert node.free_bytes() >= 3 * MIB, "the space is free, and not only dead"
    assert node.pass_time(1).removed == 0


@pytest.mark.slow
def test_rules_are_used_up_in_their_order(node: SimulatedNode) -> None:
    rules_in(
        node.storage.settings,
        "  - {name: tests, when: {StudyDescription: test}, evict: true}\n"
        "  - {name: images, keep_days: 60, evict: true}\n",
    )
    old = fill(node, 20, "old")
    tests = [node.receive(f"test-{one}", STUDY_BYTES, StudyDescription="test") for one in range(24)]
    done = node.pass_time(2)
    assert done.removed
    assert all(is_here(node.storage, one) for one in old)
    assert sum(not is_here(node.storage, one) for one in tests) == done.removed


def test_a_disk_full_of_what_is_owed_says_so_refuses_and_goes_on_by_itself(
    node: SimulatedNode,
) -> None:
    for uid in fill(node, 40):
        node.owe(uid)
    node.hold(node.receive("on hold", STUDY_BYTES))
    done = node.pass_time(2)
    assert (done.removed, done.missing_bytes > 0) == (0, True)
    outlook = disk_outlook(
        node.storage.settings,
        node.storage.volumes,
        node.storage.retention,
        node.storage.disk_samples,
        node.now,
    )
    assert "40 with instances owed to pacs" in outlook.stuck()
    assert "1 on legal hold" in outlook.stuck()
    with pytest.raises(StorageFull, match="free in the data folder"):
        fill(node, 100, "too much")
    assert len(node.here) >= 41, "nothing that was taken is lost"
    assert all(is_here(node.storage, uid) for uid in node.here)

    node.confirm()
    node.pass_time(2)
    node.pass_time(1)
    assert (
        disk_outlook(
            node.storage.settings,
            node.storage.volumes,
            node.storage.retention,
            node.storage.disk_samples,
            node.now,
        ).stuck()
        == ""
    )
    node.receive("again", STUDY_BYTES)


def test_a_study_that_has_just_arrived_does_not_leave_before_pipelines_saw_it(
    node: SimulatedNode,
) -> None:
    for number in range(44):
        node.receive(f"study-{number}", STUDY_BYTES)
    done = node.pass_time(0.1)
    assert (done.removed, done.is_short) == (0, True)
    assert (
        "that arrived within the last hour"
        in disk_outlook(
            node.storage.settings,
            node.storage.volumes,
            node.storage.retention,
            node.storage.disk_samples,
            node.now,
        ).stuck()
    )
    assert node.pass_time(1).removed


def test_the_warning_says_when_the_disk_is_full_and_what_may_leave(node: SimulatedNode) -> None:
    days = 0
    while node.free_bytes() >= 4 * MIB:
        for number in range(4):
            node.receive(f"day-{days}-{number}", STUDY_BYTES)
        node.pass_time(24)
        days += 1
    warning = disk_outlook(
        node.storage.settings,
        node.storage.volumes,
        node.storage.retention,
        node.storage.disk_samples,
        node.now,
    ).warning()
    # Half a MiB a day, and some 3 MiB until it refuses.
    assert "(1 MiB a day)" in warning
    assert "nothing more is received from 2026-01-1" in warning
    assert "retention frees up to 4 MiB" in warning


def live(node: SimulatedNode, days: int, times: float, step_days: int = 1) -> int:
    """Let `times` the disk's size arrive within so many days; how many studies that were."""
    choice = random.Random(22)
    count = int(node.disk_bytes * times / LARGE_BYTES)
    received = 0
    for day in range(0, days, step_days):
        while received < count * (day + step_days) / days:
            uid = node.receive(f"study-{received}", LARGE_BYTES)
            received += 1
            if choice.random() < 0.5:
                node.owe(uid)
            if choice.random() < 0.02:
                node.hold(uid)
        for uid in choice.sample(sorted(node.here), min(2, len(node.here))):
            node.use(uid)
        # The destination is away for a week, twice.
        if not (20 <= day < 27 or 50 <= day < 57):
            node.confirm()
        node.pass_time(24 * step_days)
    return received


@pytest.mark.slow
def test_ninety_days_at_three_times_the_disk_without_a_refusal(node: SimulatedNode) -> None:
    received = live(node, days=90, times=3, step_days=3)
    assert received == 48
    assert len(node.removed) > received // 2
    assert node.on_hold
    assert all(is_here(node.storage, uid) for uid in node.on_hold)
    assert node.free_bytes() > 2 * MIB


@pytest.mark.skipif(not LONG, reason="make retention runs the long form")
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_ninety_days_on_a_larger_disk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    database: str,
) -> None:
    more = {}
    if database == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        more["database_url"] = server.migrated_database()
    settings = small_node(tmp_path, 64 * MIB, **more)
    rules_in(
        settings,
        "  - {name: unused, when: {Modality: MR}, keep_days: 20, since: used, evict: true}\n",
    )
    with simulated_node(settings, 64 * MIB, monkeypatch) as node:
        assert live(node, days=90, times=3) == 384
        assert all(is_here(node.storage, uid) for uid in node.on_hold)
