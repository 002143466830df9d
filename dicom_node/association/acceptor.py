"""Associations that peers open: serve them, and end."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
from contextlib import nullcontext
from functools import cached_property, partial
from typing import Protocol

import structlog
from pynetdicom.ae import ApplicationEntity
from pynetdicom.pdu_primitives import A_ASSOCIATE

from dicom_node.association.negotiated import NegotiatedRequests
from dicom_node.association.negotiating import NegotiatingAssociation
from dicom_node.association.processor_share import ProcessorShare
from dicom_node.association.pynetdicom_adapter import ESTABLISHED_STATE, Timeouts
from dicom_node.association.threads import AssociationThreads
from dicom_node.association.titles import Rejection
from dicom_node.association.traffic import operation_of
from dicom_node.network.command_set import CommandSet
from dicom_node.network.connection_slots import ConnectionSlots
from dicom_node.network.pdu import PduType
from dicom_node.network.shared_thread import SharedThread
from dicom_node.network.slot_precedence import IN_MESSAGE_S, TakenSlot
from storage.core.callers.long_work import BEGIN_LONG_WORK

log = structlog.get_logger(__name__)

_NOT_ASKING = ("C-ECHO", "C-STORE", "C-GET", "C-MOVE")


class RequestHandler(Protocol):
    """Serves one kind of request of an acceptor, answering through the association."""

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None: ...


class AcceptedAssociation(NegotiatingAssociation):
    """One connection from a peer, which has a thread from its first byte to its last.

    `admit` sees the A-ASSOCIATE request: it sets the supported contexts, or
    returns a rejection. What no handler serves (`serve_with`) is served by pynetdicom's service
    classes. `negotiated_requests` are those of the server, where what it supports depends on the
    request alone.
    """

    def __init__(
        self,
        ae: ApplicationEntity,
        timeouts: Timeouts,
        admit: Callable[["AcceptedAssociation", A_ASSOCIATE], Rejection | None],
        negotiated_requests: NegotiatedRequests | None = None,
        processor_share: ProcessorShare | None = None,
    ) -> None:
        super().__init__(ae, timeouts, negotiated_requests, processor_share)
        self._admit = admit
        self._is_release_asked = False
        self._make_handlers: Callable[[], Mapping[int, RequestHandler]] = dict
        self._slots: ConnectionSlots | None = None
        # One number, when the peer last sent something, where all processes see it.
        self._shared_activity: MutableSequence[float] | memoryview[float] = [0.0]
        self.taken_slot: TakenSlot | None = None
        self._slot_number = 0
        # Another number there: the slot was lost. Looked at after each PDU.
        self._shared_slot_number: Sequence[int] | memoryview[int] = [0]
        self.gave_way = False
        """Whether it was ended because another connection has its slot."""
        self.on_ended: Callable[[], None] = lambda: None
        """Called once it has ended."""
        self._shared_thread: SharedThread | None = None
        self._is_storing = False
        self._is_alive = False

    def occupy(self, slots: ConnectionSlots, taken: TakenSlot) -> None:
        """Give `taken` back when the association has ended."""
        self._slots, self.taken_slot = slots, taken
        self._shared_activity = slots.last_active[taken.slot : taken.slot + 1]
        self._slot_number = taken.number
        self._shared_slot_number = slots.number_of(taken.slot)

    @property
    def has_lost_its_slot(self) -> bool:
        """Whether another connection has it now, and this one is to end."""
        return self.taken_slot is not None and self._shared_slot_number[0] != self._slot_number

    def share(self, thread: SharedThread) -> None:
        """Receive in that thread while others store, too."""
        if self.connection.may_share:
            self._shared_thread = thread

    def serve_with(
        self, served: frozenset[int], make: Callable[[], Mapping[int, RequestHandler]]
    ) -> None:
        """Serve the requests of these command fields by what `make` gives once one comes: a peer
        that only stores needs none of it.
        """
        self.served, self._make_handlers = served, make

    @property
    def make_handlers(self) -> Callable[[], Mapping[int, RequestHandler]]:
        return self._make_handlers

    @cached_property
    def handlers(self) -> Mapping[int, RequestHandler]:
        """Who serves which command field."""
        return self._make_handlers()

    def begin(self, threads: AssociationThreads) -> None:
        """Live in one of these threads."""
        self._is_alive = True
        threads.begin(self.name, self._run)

    def is_alive(self) -> bool:
        """Whether it has begun and not ended."""
        return self._is_alive

    def _run(self) -> None:
        try:
            self.run_reactor()
        finally:
            self._is_alive = False

    def run_reactor(self) -> None:
        """The life of an accepted association, in its thread."""
        with (
            self.auditing.around() if self.auditing else nullcontext(),
            self.traffic.association() if self.traffic else nullcontext(),
        ):
            self._live()

    def _live(self) -> None:
        BEGIN_LONG_WORK.set(self._begin_long_work)
        try:
            self._negotiate()
            if self.is_established:
                self._serve()
        except OSError as error:
            # The peer went away while we answered; what was answered stands.
            log.warning("association_lost", peer=self.peer_ae_title, detail=str(error))
            self._happened("Evt17")
        except Exception as error:
            log.error(
                "association_failed",
                peer=self.peer_ae_title,
                error=type(error).__name__,
                exc_info=True,
            )
            self._give_up()
        finally:
            self.close()
            taken, self.taken_slot = self.taken_slot, None
            if self._slots is not None and taken is not None:
                self._slots.give_back(taken)
            self.on_ended()

    def _refusal(self, request: A_ASSOCIATE) -> Rejection | None:
        self._note_activity(math.inf)
        return self._admit(self, request)

    def _takes(self, pdu_type: int, encoded: bytes) -> bool:
        if pdu_type == PduType.RELEASE_RQ and self.state == ESTABLISHED_STATE:
            # Answered once what came before has been served.
            self._is_release_asked = True
            return True
        return super()._takes(pdu_type, encoded)

    @property
    def is_release_waiting(self) -> bool:
        return self._is_release_asked

    def _serve(self) -> None:
        with contextlib.ExitStack() as storing_together:
            while self.is_open and not self.is_killed:
                begun_s = time.thread_time() if self._has_to_wait else None
                self._read_on()
                if self._has_stored_short:
                    self._share(storing_together)
                # Sending an answer reads what has come meanwhile: the next request, at times.
                while self._has_news and self.is_open and not self.is_killed:
                    self._has_news = False
                    self._serve_waiting()
                    if not self._has_news:
                        self._release_if_asked()
                if begun_s is not None:
                    self._pay(begun_s)

    def _read_on(self) -> None:
        self.connection.set_timeout(self.timeouts.idle_s)
        self.read_pdu()
        self.last_active = now = time.monotonic()
        messages = self._messages
        in_message = messages is not None and messages.in_message
        self._note_activity(now + IN_MESSAGE_S if in_message else now)
        if self.is_known:
            storing = "" if self._has_news else self.peer_ae_title
            self.processor_share.serve_known_peer(now, storing)

    def _release_if_asked(self) -> None:
        if self.is_established and self._is_release_asked:
            self.answer_release()

    @property
    def _has_stored_short(self) -> bool:
        """Whether the last message stored an instance of few bytes."""
        messages = self._messages
        return not (self._has_news or messages is None or messages.in_message or messages.is_long)

    def _share(self, storing_together: contextlib.ExitStack) -> None:
        """Receive in the thread of those that store at the same time, as long as that is all."""
        shared = self._shared_thread
        if shared is None or self._has_to_wait or self._may_send_deflated:
            return
        if not self._is_storing:
            # Many peers associate for each instance again: only a second one brings more.
            self._is_storing = True
            storing_together.enter_context(shared.storing(self))
        elif shared.is_used_by_several and not shared.run(
            partial(self._receive_beside_others, shared)
        ):
            self._shared_thread = None

    def _receive_beside_others(self, shared: SharedThread) -> None:
        connection, messages, task = self.connection, self._messages, shared.current_task
        with connection.shared(shared):
            while self.is_open and not self.is_killed and messages is not None:
                self._read_on()
                if messages.is_long or self._has_news or task.is_slow or self._has_to_wait:
                    break

    def _serve_waiting(self) -> None:
        while self._requests and self.is_open:
            context_id, command, data = self._requests.pop(0)
            self._begin_serving()
            self._cancelled.clear()
            handler = self.handlers[command.command_field]
            with self._serving(operation_of(command)):
                handler.serve(context_id, command, data)
            self._end_serving()
        while self.is_established and self.has_parts:
            context_id, message = self.dimse.get_msg()
            if message is None:
                return
            self._begin_serving()
            operation = type(message).__name__.replace("_", "-")
            with self._serving(operation):
                self.serve_message(message, context_id)
            self._end_serving()

    @contextlib.contextmanager
    def _serving(self, operation: str) -> Iterator[None]:
        """Retrieving is not held up: it waits for its peer most of the time."""
        is_asking = self.is_known and not operation.startswith(_NOT_ASKING)
        with (
            self.traffic.request(operation) if self.traffic else nullcontext(),
            self.processor_share.asking(self.peer_ae_title) if is_asking else nullcontext(),
        ):
            yield

    def _begin_serving(self) -> None:
        self.busy = True
        self._note_activity(math.inf)

    def _end_serving(self) -> None:
        self.busy = False
        if self._messages is not None and not self._requests:
            self._messages.served()
        self.last_active = time.monotonic()
        self._note_activity(self.last_active)

    def _note_activity(self, when: float) -> None:
        # A slot that was lost is another's, which is not to be taken for one that is busy.
        if self._shared_slot_number[0] == self._slot_number:
            self._shared_activity[0] = when
