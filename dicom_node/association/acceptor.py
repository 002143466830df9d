"""Associations that peers open: negotiate, serve, end."""

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

from dicom_node.association.base import NodeAssociation
from dicom_node.association.negotiated import Negotiated, NegotiatedRequests
from dicom_node.association.processor_share import ProcessorShare, StrangersWork
from dicom_node.association.pynetdicom_adapter import (
    CONNECTED_STATE,
    ESTABLISHED_STATE,
    MODE_ACCEPTOR,
    REQUESTED_STATE,
    Timeouts,
)
from dicom_node.association.threads import AssociationThreads
from dicom_node.association.titles import refused_application, refused_title
from dicom_node.association.traffic import operation_of
from dicom_node.network.command_set import CommandSet
from dicom_node.network.connection_slots import ConnectionSlots
from dicom_node.network.pdu import PduType
from dicom_node.network.shared_thread import SharedThread
from dicom_node.network.slot_precedence import IN_MESSAGE_S, TakenSlot
from storage.core.callers.long_work import BEGIN_LONG_WORK

log = structlog.get_logger(__name__)

Rejection = tuple[int, int, int]
"""Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""
_NOT_ASKING = ("C-ECHO", "C-STORE", "C-GET", "C-MOVE")


class RequestHandler(Protocol):
    """Serves one kind of request of an acceptor, answering through the association."""

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None: ...


class AcceptedAssociation(NodeAssociation):
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
        super().__init__(ae, MODE_ACCEPTOR, timeouts)
        self._admit = admit
        self._negotiated_requests = negotiated_requests or NegotiatedRequests()
        self.host = ""
        """From where the peer calls."""
        self._calling_ae_title = ""
        self._request_pdu = b""
        self.negotiated_before: Negotiated | None = None
        """How the same request was answered, where it was."""
        # Then what is short on the way may be long, and take its time.
        self._may_send_deflated = False
        self._is_release_asked = False
        self.is_known = False
        self.processor_share = processor_share or ProcessorShare()
        self._paid_s = 0.0
        """Of this thread's processor time: until then it has been paid for."""
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

    @property
    def peer_ae_title(self) -> str:
        if self.has_parts:
            return super().peer_ae_title
        return self._calling_ae_title

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

    def _negotiate(self) -> None:
        begun_s = time.thread_time() if self._has_to_wait else None
        request = self._requested()
        if request is None:
            return
        self._note_activity(math.inf)
        if self.auditing is not None:
            self.auditing.associated(request)
        refusal = (
            refused_title(self._request_pdu)
            # One that came before was looked at then.
            or (refused_application(request) if self.negotiated_before is None else None)
            or self._admit(self, request)
        )
        if begun_s is not None:
            self._pay(begun_s)
        if refusal is not None:
            if self.traffic is not None:
                self.traffic.rejected = True
            if self.auditing is not None:
                self.auditing.rejected(refusal)
            self.requestor.primitive = request
            self.requestor.ae_title = request.calling_ae_title
            self.acse.send_reject(*refusal)
            return
        request_pdu, self._request_pdu = self._request_pdu, b""
        before = self.negotiated_before
        if before is not None:
            self._calling_ae_title = before.calling_ae_title
            self._max_pdu_bytes = before.max_pdu_bytes
            self._may_send_deflated = before.may_send_deflated
            self.accept_as(before)
            return
        self.acse.negotiate_association()
        if self.is_established:
            negotiated = self.negotiated()
            self._may_send_deflated = negotiated.may_send_deflated
            self._negotiated_requests.keep(request_pdu, negotiated)

    def _requested(self) -> A_ASSOCIATE | None:
        """The request, once it has come; None where none did."""
        self.read_while(self._waits_for_request, self.timeouts.acse_s)
        if self.negotiated_before is not None:
            return self.negotiated_before.request
        request = self.dul.receive_pdu() if self.has_parts else None
        if not isinstance(request, A_ASSOCIATE):
            return None
        self.requestor.primitive = request
        return request

    def _waits_for_request(self) -> bool:
        if self.has_parts:
            return self.dul.peek_next_pdu() is None
        return self.negotiated_before is None

    def _takes(self, pdu_type: int, encoded: bytes) -> bool:
        state = self.state
        if pdu_type == PduType.ASSOCIATE_RQ and state == CONNECTED_STATE:
            self._request_pdu = encoded
            self.negotiated_before = self._negotiated_requests.get(encoded)
            if self.negotiated_before is None:
                return False
            self.state = REQUESTED_STATE
            return True
        if pdu_type == PduType.RELEASE_RQ and state == ESTABLISHED_STATE:
            # Answered once what came before has been served.
            self._is_release_asked = True
            return True
        return False

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

    def _pay(self, begun_s: float) -> None:
        """For the processor time of this thread since then."""
        if not self.is_known:
            self.processor_share.pay(time.thread_time() - max(begun_s, self._paid_s))

    def _begin_long_work(self) -> StrangersWork | None:
        """None for known peers, who never wait."""
        return None if self.is_known else StrangersWork(self.processor_share, self._note_paid)

    def _note_paid(self) -> None:
        self._paid_s = time.thread_time()

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

    @property
    def _has_to_wait(self) -> bool:
        """Whether this is a stranger beside known peers, who would wait with it."""
        if self.is_known:
            return False
        return time.monotonic() < self.processor_share.contended_until_s[0]

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
