"""Nobody holds all of what callers share, and those who wait take turns."""

import threading
from collections.abc import Callable

from storage.core.callers.shares import Shares, Turn, on_behalf_of


def asked(shares: Shares, served: list[str], caller: str, *, is_large: bool = False) -> Turn:
    """A request of that caller; it is noted once it is its turn, if not at once."""
    return shares.ask(lambda: served.append(caller), is_large=is_large, caller=caller)


def test_one_request_comes_before_the_hundred_that_somebody_else_sent_earlier() -> None:
    shares, served = Shares(2), list[str]()
    running = [asked(shares, served, "greedy") for _ in range(2)]
    waiting = [asked(shares, served, "greedy") for _ in range(100)]
    patient = asked(shares, served, "patient")
    assert all(one.is_given for one in running)
    assert not patient.is_given
    shares.give_back(running[0])
    assert patient.is_given
    assert served == ["patient"]
    shares.give_back(patient)
    assert served == ["patient", "greedy"]
    assert waiting[0].is_given


def test_those_who_always_wait_take_turns() -> None:
    shares, served = Shares(1), list[str]()
    turns = [asked(shares, served, "first")]
    for caller in ("first", "second", "third") * 3:
        turns.append(asked(shares, served, caller))
    for _ in range(9):
        shares.give_back(next(one for one in turns if one.is_given))
    assert served == ["first", "second", "third"] * 3


def test_one_caller_gets_its_share_at_most_also_where_nobody_else_asks() -> None:
    shares = Shares(4, most=2)
    assert [shares.take("one") is not None for _ in range(3)] == [True, True, False]
    assert [shares.take("other") is not None for _ in range(3)] == [True, True, False]
    assert shares.take("third") is None


def test_a_node_without_sign_in_has_all_of_it() -> None:
    shares, served = Shares(4, most=2), list[str]()
    assert all(asked(shares, served, "").is_given for _ in range(4))


def test_what_takes_long_leaves_a_place_to_what_does_not() -> None:
    shares, served = Shares(2, most_large=1), list[str]()
    large = [asked(shares, served, "one", is_large=True) for _ in range(3)]
    small = asked(shares, served, "one")
    assert [one.is_given for one in large] == [True, False, False]
    assert small.is_given
    shares.give_back(small)
    assert not large[1].is_given
    shares.give_back(large[0])
    assert large[1].is_given
    assert not large[2].is_given


def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    shares = Shares(1)
    with on_behalf_of("one"), shares.turn(0) as has_turn:
        assert has_turn
        with shares.turn(0.01) as has_another:
            assert not has_another
            assert shares.waiting() == 1
        assert shares.waiting() == 0
    turn = shares.take("other")
    assert turn is not None
    shares.give_back(turn)


def test_no_place_is_lost_or_given_twice_among_many_threads() -> None:
    shares, lock = Shares(3, most=2, most_large=2), threading.Lock()
    now, most, done = 0, 0, 0

    def work(caller: str, *, is_large: bool) -> Callable[[], None]:
        def run() -> None:
            nonlocal now, most, done
            with on_behalf_of(caller):
                for _ in range(200):
                    with shares.turn(30, is_large=is_large) as has_turn:
                        assert has_turn
                        with lock:
                            now, done = now + 1, done + 1
                            most = max(most, now)
                        with lock:
                            now -= 1

        return run

    threads = [
        threading.Thread(target=work(f"caller {number % 3}", is_large=number % 2 == 0))
        for number in range(9)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert done == 9 * 200
    assert most <= 3
    assert [shares.take(str(number)) is not None for number in range(4)] == [True] * 3 + [False]
