"""What was answered to A-ASSOCIATE requests, kept by the bytes of the request.

A modality that opens an association for each instance proposes the same each time, often more than
a hundred presentation contexts. What of them is accepted depends on the request alone: who may
associate, and what a peer may do then, is decided each time again.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom.pdu import A_ASSOCIATE_AC
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
)
from pynetdicom.presentation import PresentationContext

_REQUESTS_AT_MOST = 32
# A hundred contexts of a few syntaxes each; one of 128 contexts with all there are has 200 KiB.
_REQUEST_MAX_BYTES = 32 * 1024
# An identity, which may hold a password, is not to be kept; others are rare.
_PLAIN_ITEMS = (
    MaximumLengthNotification,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
)


@dataclass(frozen=True, slots=True)
class Negotiated:
    """A request and its answer. Associations share these objects, and change none of them."""

    request: A_ASSOCIATE
    answer: A_ASSOCIATE
    encoded_answer: bytes
    """The A-ASSOCIATE-AC PDU."""
    accepted: Mapping[int, PresentationContext]
    """By their IDs."""
    rejected: Sequence[PresentationContext]
    may_send_deflated: bool
    """Whether a transfer syntax that is deflated was accepted."""
    calling_ae_title: str
    max_pdu_bytes: int
    """What the peer takes at most."""


class NegotiatedRequests:
    """The last few of a server. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_request: OrderedDict[bytes, Negotiated] = OrderedDict()

    def get(self, encoded_request: bytes) -> Negotiated | None:
        with self._lock:
            found = self._by_request.get(encoded_request)
            if found is not None:
                self._by_request.move_to_end(encoded_request)
            return found

    def keep(self, encoded_request: bytes, negotiated: Negotiated) -> None:
        """For the next request of the same bytes, where it is short and asks for nothing rare."""
        items = negotiated.request.user_information
        if len(encoded_request) > _REQUEST_MAX_BYTES or not all(
            isinstance(item, _PLAIN_ITEMS) for item in items
        ):
            return
        with self._lock:
            self._by_request[encoded_request] = negotiated
            while len(self._by_request) > _REQUESTS_AT_MOST:
                self._by_request.popitem(last=False)


def encoded_answer(answer: A_ASSOCIATE) -> bytes:
    """The A-ASSOCIATE-AC PDU (PS3.8 9.3.3)."""
    encoded: bytes = A_ASSOCIATE_AC(answer).encode()
    return encoded


def may_send_deflated(accepted: Iterable[PresentationContext]) -> bool:
    return any(DeflatedExplicitVRLittleEndian in context.transfer_syntax for context in accepted)
