"""Long work of several callers leaves the processor to others as one alone would."""

import threading
import time

from storage.core.callers.long_work import SharedTurn


def worked_for_s(turn: SharedTurn, seconds: float, used: list[float]) -> None:
    work, until = turn.begin(), time.monotonic() + seconds
    begun = time.thread_time()
    while time.monotonic() < until:
        for _ in range(2000):
            pass
        work.pause()
    used.append(time.thread_time() - begun)


def test_one_alone_does_not_rest() -> None:
    turn, rests = SharedTurn(), time.monotonic()
    turn.rest(1, 100.0)
    turn.rest(1, 100.0)
    assert time.monotonic() - rests < 5


def test_several_take_no_more_than_one() -> None:
    turn = SharedTurn()
    used: list[float] = []
    threads = [threading.Thread(target=worked_for_s, args=(turn, 1.5, used)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Until all have begun they do not know of each other.
    assert sum(used) < 1.2


def test_who_has_ended_is_not_waited_for() -> None:
    turn = SharedTurn()
    turn.rest(1, 0.0)
    time.sleep(1.1)
    begun = time.monotonic()
    turn.rest(2, 100.0)
    assert time.monotonic() - begun < 0.2
