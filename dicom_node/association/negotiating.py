"""Associations that peers open: read the request, answer it, and let strangers pay for it."""

import time

import structlog
from pynetdicom.ae import ApplicationEntity
from pynetdicom.pdu_primitives import A_ASSOCIATE

from dicom_node.association.base import NodeAssociation
from dicom_node.association.negotiated import Negotiated, NegotiatedRequests
from dicom_node.association.processor_share import ProcessorShare, StrangersWork
from dicom_node.association.pynetdicom_adapter import (
    CONNECTED_STATE,
    MODE_ACCEPTOR,
    REQUESTED_STATE,
    Timeouts,
)
from dicom_node.association.titles import Rejection, refused_application, refused_before
from dicom_node.network.associate_request import plain_request
from dicom_node.network.pdu import MalformedPdu, PduType

log = structlog.get_logger(__name__)

# 128 contexts with six syntaxes each, which pynetdicom decodes in some 20 ms.
_LONG_REQUEST_BYTES = 32 * 1024


class NegotiatingAssociation(NodeAssociation):
    """Until it is established. `negotiated_requests` are those of the server, where what it
    supports depends on the request alone.
    """

    def __init__(
        self,
        ae: ApplicationEntity,
        timeouts: Timeouts,
        negotiated_requests: NegotiatedRequests | None = None,
        processor_share: ProcessorShare | None = None,
    ) -> None:
        super().__init__(ae, MODE_ACCEPTOR, timeouts)
        self._negotiated_requests = negotiated_requests or NegotiatedRequests()
        self._calling_ae_title = ""
        self._request_pdu = b""
        self.negotiated_before: Negotiated | None = None
        """How the same request was answered, where it was."""
        # Then what is short on the way may be long, and take its time.
        self._may_send_deflated = False
        self.is_known = False
        self.processor_share = processor_share or ProcessorShare()
        self._paid_s = 0.0
        """Of this thread's processor time: until then it has been paid for."""

    @property
    def peer_ae_title(self) -> str:
        if self.has_parts:
            return super().peer_ae_title
        return self._calling_ae_title

    def _refusal(self, request: A_ASSOCIATE) -> Rejection | None:
        """None for an association that may be; sets the contexts that are supported."""
        raise NotImplementedError

    def _negotiate(self) -> None:
        begun_s = time.thread_time() if self._has_to_wait else None
        request = self._requested()
        if request is None:
            if begun_s is not None:
                # What could not be read costs, too.
                self._pay(begun_s)
            return
        if self.auditing is not None:
            self.auditing.associated(request)
        refused = refused_before(self._request_pdu)
        if refused is None and self.negotiated_before is None:
            # One that came before was looked at then.
            refused = refused_application(request)
        if refused is not None:
            log.warning("association_rejected", reason=refused.reason, host=self.host)
        refusal = self._refusal(request) if refused is None else refused.rejection
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
        if pdu_type != PduType.ASSOCIATE_RQ:
            return False
        if self.state != CONNECTED_STATE:
            raise MalformedPdu("Another request for an association came within one.")
        self._request_pdu = encoded
        self.negotiated_before = self._negotiated_requests.get(encoded)
        if self.negotiated_before is None:
            return False
        self.state = REQUESTED_STATE
        return True

    def _decode(self, pdu_type: int, encoded: bytes) -> str:
        if pdu_type != PduType.ASSOCIATE_RQ:
            return super()._decode(pdu_type, encoded)
        request = plain_request(encoded)
        if len(request) <= _LONG_REQUEST_BYTES:
            return super()._decode(pdu_type, request)
        with self.processor_share.long_request(self.host, self.timeouts.acse_s) as is_our_turn:
            if not is_our_turn:
                raise MalformedPdu("Other long requests for an association came before this one.")
            event = super()._decode(pdu_type, request)
        self._note_paid()
        return event

    def _pay(self, begun_s: float) -> None:
        """For the processor time of this thread since then."""
        if not self.is_known:
            self.processor_share.pay(time.thread_time() - max(begun_s, self._paid_s))

    def _begin_long_work(self) -> StrangersWork | None:
        """None for known peers, who never wait."""
        return None if self.is_known else StrangersWork(self.processor_share, self._note_paid)

    def _note_paid(self) -> None:
        self._paid_s = time.thread_time()

    @property
    def _has_to_wait(self) -> bool:
        """Whether this is a stranger beside known peers, who would wait with it."""
        if self.is_known:
            return False
        return time.monotonic() < self.processor_share.contended_until_s[0]
