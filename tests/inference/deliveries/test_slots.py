"""How many senders go where: what hangs for the first time leaves room for what does not."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import SimpleNamespace
from typing import cast

from inference.deliveries.slots import SendingSlots, Server
from storage.core.entities import Delivery

NAMES = [f"host{number}" for number in range(9)]
SERVERS = {name: Server(name) for name in NAMES}


def first_free(full: set[str]) -> Sequence[Delivery]:
    """As the ledger claims: of the first destination that is not full."""
    found = [name for name in NAMES if name not in full]
    return [cast(Delivery, SimpleNamespace(destination=found[0]))] if found else []


def busy_with(slots: SendingSlots, senders: ExitStack) -> Callable[[], list[str]]:
    def claim() -> list[str]:
        found = senders.enter_context(slots.claimed(first_free, SERVERS))
        return [one.destination for one in found]

    return claim


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_senders_that_are_busy_for_long_make_room_for_others() -> None:
    clock = Clock()
    slots = SendingSlots(4, 2, slow_after_s=20.0, now_s=clock)
    with ExitStack() as senders:
        claim = busy_with(slots, senders)
        first = [claim() for _ in range(5)]
        assert len({one[0] for one in first[:4]}) == 3, "a second one while nobody else was busy"
        assert first[4] == [], "all are busy"
        clock.now_s = 20.0
        more = [claim() for _ in range(3)]
        assert [len(one) for one in more] == [1, 1, 0]
        assert not {one[0] for one in more[:2]} & {one[0] for one in first[:4]}
        clock.now_s = 40.0
        assert claim() == [], "no more than the spare ones are ever added"
    with ExitStack() as senders:
        assert busy_with(slots, senders)() == ["host0"], "all are free again"


def test_a_server_that_answers_gets_a_second_sender_beside_slow_ones() -> None:
    clock = Clock()
    slots = SendingSlots(4, 8, slow_after_s=20.0, now_s=clock)
    with ExitStack() as senders:
        claim = busy_with(slots, senders)
        slow = [claim() for _ in range(4)]
        assert slow == [["host0"], ["host0"], ["host1"], ["host2"]]
        clock.now_s = 20.0
        # Four senders are free for those that answer, and none more for those that do not.
        assert [claim() for _ in range(2)] == [["host3"], ["host3"]]
        assert claim() == ["host4"]
