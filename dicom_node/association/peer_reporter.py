"""What tells peers by DIMSE of what is due, whichever service it is."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Engine

from dicom_node.association.peer_turns import AT_ONCE, TURN_S, PeerTurns, Turn
from dicom_node.association.pynetdicom_adapter import Timeouts
from storage.db.due.thread import DueThread

REPORT_TIMEOUTS = Timeouts(connect_s=5.0, acse_s=10.0, dimse_s=15.0, idle_s=15.0)
"""Of an association that is opened for it."""


class PeerReporter(ABC):
    """A thread that tells peers in turn, and again until they have taken it.

    What is due is a row, so that it outlives the process.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        due_peers: Callable[[datetime], Sequence[str]],
        turn_s: float = TURN_S,
        at_once: int = AT_ONCE,
    ) -> None:
        """`name`: of its threads; `due_peers`: to whom something is due."""
        self._owner = f"{name}-{uuid.uuid4().hex[:12]}"
        self._thread = DueThread(engine, name, self.tell_due)
        self._turns = PeerTurns(
            name,
            due_peers,
            self._tell,
            lambda: self._thread.is_stopping,
            turn_s=turn_s,
            at_once=at_once,
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def tell_due(self, now: datetime) -> int:
        """Tell everybody of all that is due; how much of it was taken."""
        return self._turns.take(now)

    @abstractmethod
    def _tell(self, peer: str, turn: Turn) -> int:
        """Tell one peer, until the turn is over; how much was taken."""
