"""When studies are to leave at once, between two rounds of the clock."""

from datetime import timedelta
from pathlib import Path

from inference.worker.disk_watch import DiskWatch
from inference.worker.maintenance import Maintenance
from inference.worker.process import Holder
from storage.core.clock import utcnow
from storage.retention.disk import DiskMarks
from tests.inference.orchestration import receive, storage_in
from tests.inference.small import mr_series

MB = 1_000_000
MARKS = DiskMarks(warn_bytes=600 * MB, evict_bytes=400 * MB, refuse_bytes=150 * MB)


def never() -> int:
    raise AssertionError("asked while there is room")


def test_what_arrives_fast_starts_a_round_before_the_mark() -> None:
    watch = DiskWatch()
    assert watch.ahead_bytes(800 * MB, MARKS, 0, never) is None
    # 14 MB a second are 420 MB in half a minute, of which the mark counts at most.
    started = {
        second: watch.ahead_bytes((900 - 14 * second) * MB, MARKS, second, lambda: 140 * MB)
        for second in range(20)
    }
    assert {second: ahead for second, ahead in started.items() if ahead is not None} == {
        8: 400 * MB,
        18: 400 * MB,
    }


def test_a_disk_that_stays_short_does_not_keep_rounds_going_all_the_time() -> None:
    watch = DiskWatch()
    looks = [watch.ahead_bytes(100 * MB, MARKS, second, lambda: MB) for second in range(21)]
    assert [second for second, ahead in enumerate(looks) if ahead] == [0, 10, 20]


def test_where_nothing_arrives_the_clock_s_round_is_soon_enough() -> None:
    assert DiskWatch().ahead_bytes(100 * MB, MARKS, 0, lambda: 0) is None


def test_what_arrives_is_counted_by_the_bytes_of_the_last_seconds(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        files = mr_series("a", 3)
        receive(storage, files)
        since = utcnow() - timedelta(seconds=10)
        assert storage.retention.arrived_bytes(since) == sum(map(len, files))
        assert storage.retention.arrived_bytes(utcnow() + timedelta(seconds=1)) == 0


def test_no_round_begins_while_volumes_are_being_rewritten() -> None:
    maintenance = Maintenance(Holder(), lambda: False)
    # Without a process it would fail.
    with maintenance._housekeeping:
        maintenance.apply_retention(0)
