"""When studies are to leave at once, between two rounds of the clock."""

from inference.worker.disk_watch import DiskWatch
from storage.retention.disk import DiskMarks

MB = 1_000_000
MARKS = DiskMarks(warn_bytes=600 * MB, evict_bytes=400 * MB, refuse_bytes=150 * MB)


def test_a_disk_that_fills_fast_starts_a_round_before_the_mark_and_a_slow_one_at_it() -> None:
    watch = DiskWatch()
    # 280 MB in 20 s: what arrives in half a minute is 420 MB, and at most the mark counts.
    started = [
        (second, ahead)
        for second in range(20)
        if (ahead := watch.ahead_bytes((900 - 14 * second) * MB, MARKS, second)) is not None
    ]
    assert started[0] == (8, 400 * MB)
    assert [second for second, _ in started] == [8, 13, 18]

    slow = DiskWatch()
    for minute in range(10):
        free = (500 - 10 * minute) * MB
        assert slow.ahead_bytes(free, MARKS, 60.0 * minute) is None
    assert slow.ahead_bytes(399 * MB, MARKS, 600.0) == 0


def test_a_disk_that_stays_short_does_not_keep_rounds_going_all_the_time() -> None:
    watch = DiskWatch()
    looks = [watch.ahead_bytes(100 * MB, MARKS, float(second)) for second in range(11)]
    assert [second for second, ahead in enumerate(looks) if ahead is not None] == [0, 5, 10]
