"""pynetdicom's clients, kept from losing answers on a busy machine.

The thread that serves what comes unasked says that it pauses just before it does, so it may
still take the answer that another thread has begun to wait for, which then times out. Here it
gives back what it took while it should have paused. And a client whose rejection came, and ended
the connection, before it looked whether there is one takes it for a failure to connect; here it
looks into what came. The node's own associations have no such threads
(`dicom_node/association/base.py`).
"""

import queue
from typing import Any

from pynetdicom.acse import ACSE
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu_primitives import A_ASSOCIATE

_wait_for_one = DIMSEServiceProvider.get_msg
_negotiate = ACSE._negotiate_as_requestor
_REJECTED = (0x01, 0x02)


def _take_unless_paused(self: Any, block: bool = False) -> Any:
    # A subclass is the node's, which has no such thread.
    if block or type(self) is not DIMSEServiceProvider:
        return _wait_for_one(self, block=block)
    try:
        taken = self.msg_queue.get(block=False)
    except queue.Empty:
        return None, None
    if self.assoc._reactor_checkpoint.is_set():
        return taken
    with self.msg_queue.mutex:
        self.msg_queue.queue.appendleft(taken)
        self.msg_queue.not_empty.notify()
    return None, None


def _hear_rejection(self: Any) -> None:
    _negotiate(self)
    answer = self.dul.peek_next_pdu()
    if self.assoc.is_aborted and isinstance(answer, A_ASSOCIATE) and answer.result in _REJECTED:
        self.acceptor.primitive = answer
        self.assoc.is_aborted, self.assoc.is_rejected = False, True


def keep_answers() -> None:
    """For this process."""
    ACSE._negotiate_as_requestor = _hear_rejection
    DIMSEServiceProvider.get_msg = _take_unless_paused
