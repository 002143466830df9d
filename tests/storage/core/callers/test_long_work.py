"""Long work of several callers leaves the processor to others as one alone would."""

import threading
import time

from storage.core.callers.long_work import SharedTurn


def work_for_s(turn: SharedTurn, seconds: float) -> None:
    work, until = turn.begin(), time.monotonic() + seconds
    while time.monotonic() < until:
        for _ in range(2000):
            pass
        work.pause()


def got_beside_eight_s(turn: SharedTurn) -> float:
    """Processor seconds of another thread within 0.7 s."""
    threads = [threading.Thread(target=work_for_s, args=(turn, 1.2)) for _ in range(8)]
    for thread in threads:
        thread.start()
    # Until all have begun they do not know of each other.
    time.sleep(0.3)
    begun_s, until = time.thread_time(), time.monotonic() + 0.7
    while time.monotonic() < until:
        pass
    got_s = time.thread_time() - begun_s
    for thread in threads:
        thread.join()
    return got_s


class WithoutRest(SharedTurn):
    def rest(self, work: int, used_s: float) -> None:
        pass


def test_one_alone_does_not_rest() -> None:
    turn, rests = SharedTurn(), time.monotonic()
    turn.rest(1, 100.0)
    turn.rest(1, 100.0)
    assert time.monotonic() - rests < 5


def test_several_leave_others_as_much_as_one_would() -> None:
    """Here three to six times as much; the interpreter's lock goes round among all that work."""
    assert got_beside_eight_s(SharedTurn()) > 1.5 * got_beside_eight_s(WithoutRest())


def test_who_has_ended_is_not_waited_for() -> None:
    turn = SharedTurn()
    turn.rest(1, 0.0)
    time.sleep(1.1)
    begun = time.monotonic()
    turn.rest(2, 100.0)
    assert time.monotonic() - begun < 0.2
