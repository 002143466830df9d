"""pynetdicom's clients, kept from losing answers on a busy machine.

The thread that serves what comes unasked says that it pauses just before it does, so it may
still take the answer that another thread has begun to wait for, which then times out. Here it
gives back what it took while it should have paused. The node's own associations have no such
thread (`dicom_node/association.py`).
"""

import queue
from typing import Any

from pynetdicom.dimse import DIMSEServiceProvider

_wait_for_one = DIMSEServiceProvider.get_msg


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


def keep_answers() -> None:
    """For this process."""
    DIMSEServiceProvider.get_msg = _take_unless_paused
