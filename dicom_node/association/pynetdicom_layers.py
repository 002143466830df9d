"""pynetdicom's upper layer and DIMSE without their threads; see `pynetdicom_adapter.py`."""

import contextlib
import queue
from typing import Any

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.fsm import InvalidEventError, StateMachine

IDLE_STATE = "Sta1"  # no association, no connection (PS3.8 Table 9-1)
CONNECTED_STATE = "Sta2"  # a peer has connected, and has asked for nothing yet
REQUESTED_STATE = "Sta3"  # the peer asked for an association, and waits for the answer
ESTABLISHED_STATE = "Sta6"
CLOSING_STATE = "Sta13"  # our last PDU is sent; the peer closes the connection


# mypy is set to skip pynetdicom, hence "subclass of Any".
class SynchronousDul(DULServiceProvider):  # type: ignore[misc]
    """pynetdicom's upper layer without its thread."""

    def start(self) -> None:
        """There is no thread to start: release the one that waits for it."""
        self.assoc._dul_ready.set()

    def send_pdu(self, primitive: Any) -> None:
        """Hand over a primitive and send it now."""
        super().send_pdu(primitive)
        self.pump()

    def receive_pdu(self, wait: bool = False, timeout: float | None = None) -> Any:
        """The next primitive for the user, reading from the peer when `wait`."""
        if wait:
            self.assoc.read_while(self.to_user_queue.empty, timeout)
        return super().receive_pdu(wait=False)

    def take_pdu(self, encoded: bytearray) -> Any:
        """Decode a PDU for the user; the event that its arrival is (PS3.8 Table 9-10)."""
        pdu, event = self._decode_pdu(encoded)
        self._recv_pdu.put(pdu)
        return event

    def forget_events(self) -> None:
        """Of an association that took part in them before it had this."""
        self._clear(self.event_queue)

    def pump(self) -> None:
        """Run the state machine until nothing is left to do."""
        while True:
            if self.event_queue.empty() and not self._process_recv_primitive():
                return
            try:
                self.state_machine.do_action(self.event_queue.get_nowait())
            except InvalidEventError:
                # Our side asked for something after the association had ended.
                self.state_machine.current_state = IDLE_STATE
            if self.state_machine.current_state == IDLE_STATE:
                self._clear(self.event_queue)
                self._clear(self.to_provider_queue)
                return

    @staticmethod
    def _clear(waiting: "queue.Queue[Any]") -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.get_nowait()


class SynchronousDimse(DIMSEServiceProvider):  # type: ignore[misc]
    """pynetdicom's DIMSE provider, which reads when it is asked for a message."""

    def get_msg(self, block: bool = False) -> Any:
        if block:
            self.assoc.read_while(self.msg_queue.empty, self.assoc.timeouts.dimse_s)
        return super().get_msg(block=False)

    def send_msg(self, primitive: Any, context_id: int) -> None:
        super().send_msg(primitive, context_id)
        # A C-CANCEL that came meanwhile must be seen before the next response.
        self.assoc.read_waiting()


class SharedState(StateMachine):  # type: ignore[misc]
    """pynetdicom's state machine, whose state is that of the association."""

    @property
    def current_state(self) -> str:
        return str(self.dul.assoc.state)

    @current_state.setter
    def current_state(self, state: str) -> None:
        self.dul.assoc.state = state
