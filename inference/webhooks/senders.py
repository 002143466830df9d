"""To how many receivers one process sends at once, and to how many of one owner."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import count

from storage.webhooks.entities import DueReceiver

AT_ONCE = 16
SLOW_S = 2.0
"""An answer that takes longer is slow."""

_REMEMBERED = 4096


class Senders:
    """A receiver that hangs must not keep the others waiting, nor must all those of one owner, who
    created them.

    An owner gets another sender while it has fewer than are free: one has half of them at most, two
    have three quarters, and so there is one for who comes next. The last is for critical findings
    alone. Half of all, and a quarter for one owner, are for receivers whose last answer was slow,
    and for new ones of an owner who has such.

    Next is who waits for a notice of a critical finding, then whose owner has fewest senders, then
    whose owner's last turn is longest ago, then whose own is. Which are slow is known of this
    process alone, and forgotten with it.
    """

    def __init__(self, how_many: int = AT_ONCE) -> None:
        self._count = how_many
        self._lock = threading.Lock()
        self._busy: dict[str, DueReceiver] = {}
        self._numbers = count(1)
        self._last_turns: OrderedDict[str, int] = OrderedDict()
        # Receiver → whether its last answer was slow, and whose it is.
        self._answered: OrderedDict[str, tuple[bool, str]] = OrderedDict()

    @property
    def count(self) -> int:
        return self._count

    def claim(
        self, due: Callable[[], Sequence[DueReceiver]], take: Callable[[str], bool]
    ) -> DueReceiver | None:
        """The receiver that is sent to next, busy until `release`.

        None where nothing is due, or no sender is free for it. `take`: whether no other process
        has it.
        """
        with self._lock:
            if len(self._busy) >= self._count:
                return None
            slow_owners = {owner for is_slow, owner in self._answered.values() if is_slow}
            for one in self._in_order(due()):
                if self._may(one, slow_owners) and take(one.webhook_id):
                    self._busy[one.webhook_id] = one
                    self._note_turn(one)
                    return one
        return None

    def release(self, receiver: DueReceiver) -> None:
        with self._lock:
            self._busy.pop(receiver.webhook_id, None)

    def note(self, receiver: DueReceiver, took_s: float) -> bool:
        """How long a receiver took to answer; whether that is slow."""
        is_slow = took_s > SLOW_S
        with self._lock:
            self._answered.pop(receiver.webhook_id, None)
            self._answered[receiver.webhook_id] = is_slow, receiver.created_by_id
            while len(self._answered) > _REMEMBERED:
                self._answered.popitem(last=False)
        return is_slow

    def _in_order(self, due: Iterable[DueReceiver]) -> list[DueReceiver]:
        held = Counter(one.created_by_id for one in self._busy.values())

        def place(one: DueReceiver) -> tuple[bool, int, int, int]:
            owner, turns = one.created_by_id, self._last_turns
            return not one.is_urgent, held[owner], turns.get(owner, 0), turns.get(one.webhook_id, 0)

        return sorted((one for one in due if one.webhook_id not in self._busy), key=place)

    def _may(self, one: DueReceiver, slow_owners: set[str]) -> bool:
        busy = self._busy.values()
        free_count = self._count - len(busy) - (0 if one.is_urgent else 1)
        if sum(other.created_by_id == one.created_by_id for other in busy) >= free_count:
            return False
        if not self._is_slow(one, slow_owners):
            return True
        slow = [other for other in busy if self._is_slow(other, slow_owners)]
        of_owner = sum(other.created_by_id == one.created_by_id for other in slow)
        return len(slow) < max(self._count // 2, 1) and of_owner < max(self._count // 4, 1)

    def _is_slow(self, one: DueReceiver, slow_owners: set[str]) -> bool:
        known = self._answered.get(one.webhook_id)
        return one.created_by_id in slow_owners if known is None else known[0]

    def _note_turn(self, one: DueReceiver) -> None:
        for whose in (one.created_by_id, one.webhook_id):
            self._last_turns.pop(whose, None)
            self._last_turns[whose] = next(self._numbers)
        while len(self._last_turns) > _REMEMBERED:
            self._last_turns.popitem(last=False)
