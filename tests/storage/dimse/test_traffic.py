"""Counts of several processes add up, on both databases."""

from storage.container import Storage
from storage.dimse.traffic import Traffic, TrafficKey, add_traffic, read_traffic

KEY = TrafficKey("C-STORE", "scanner", "success")


def test_what_processes_counted_adds_up(storage: Storage) -> None:
    for seconds in (0.01, 3.0):
        one = Traffic()
        one.add(seconds, instances=1, size_bytes=100)
        add_traffic(storage.engine, {KEY: one, TrafficKey("C-ECHO", "unknown", "success"): one})
    total = read_traffic(storage.engine)[KEY]
    assert (total.requests, total.instances, total.size_bytes) == (2, 2, 200)
    assert total.seconds == 3.01
    assert total.within == [0, 1, 1, 1, 1, 2, 2]


def test_nothing_counted_writes_nothing(storage: Storage) -> None:
    add_traffic(storage.engine, {})
    assert read_traffic(storage.engine) == {}
