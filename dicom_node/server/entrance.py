"""Accepting for several processes: who serves which connection."""

import contextlib
import threading
from collections.abc import Callable

from dicom_node.association.peer_addresses import PeerAddresses
from dicom_node.network.connection import reset_at_end
from dicom_node.network.handover import Accepted, Handover
from dicom_node.network.known_activity import KnownActivity
from dicom_node.network.listening import Listeners
from dicom_node.network.pdu import PduType
from dicom_node.network.repeated_warning import RepeatedWarning
from dicom_node.server.arrivals import Arrivals

# Of an A-ASSOCIATE-RQ (PS3.8 9.3.2): the type, and the calling AE title.
_CALLING_TITLE = slice(26, 42)
_HEAD_BYTES = 42
_SAYS_WHO_WITHIN_S = 3.0


class Entrance:
    """Accepts all connections. Those of known peers that may store go to the receiving processes,
    the others are served here; before the first such peer came all go to the receiving ones.

    A peer is known by the calling AE title, which is looked at without reading it, and its address;
    over TLS by the address alone. Who does not say within a few seconds who it is is served here,
    and so is the check of a load balancer.
    """

    def __init__(
        self,
        listeners: Listeners,
        handover: Handover,
        peers: PeerAddresses,
        serve: Callable[[Accepted], bool],
    ) -> None:
        """`serve` takes a connection over; False where there is no room for it."""
        self._arrivals = Arrivals(listeners, self._arrived)
        self._handover = handover
        self._known: KnownActivity = listeners.known
        self._peers = peers
        self._serve = serve
        self._refused = RepeatedWarning("connections_refused")

    def run(self, stopped: int, stopping: threading.Event) -> None:
        """Until `stopped`, a descriptor, can be read from."""
        self._arrivals.run(stopped, stopping)

    def _arrived(self, accepted: Accepted) -> None:
        if accepted.is_check:
            self._take_here(accepted)
        elif not self._known.has_stored:
            self._give(accepted)
        elif accepted.is_tls:
            self._sort(accepted, None)
        else:
            self._arrivals.wait(
                accepted, _SAYS_WHO_WITHIN_S, _HEAD_BYTES, self._look_for_title, self._take_here
            )

    def _look_for_title(self, descriptor: int, head: bytes) -> None:
        if head[0] != PduType.ASSOCIATE_RQ or len(head) == _HEAD_BYTES:
            title = head[_CALLING_TITLE].decode("ascii", "replace").strip(" ")
            self._sort(self._arrivals.forget(descriptor), title)

    def _sort(self, accepted: Accepted, title: str | None) -> None:
        if self._peers.may_store(accepted.address[0], title):
            self._give(accepted)
        else:
            self._take_here(accepted)

    def _give(self, accepted: Accepted) -> None:
        if not self._handover.give(accepted):
            self._take_here(accepted)

    def _take_here(self, accepted: Accepted) -> None:
        if self._serve(accepted):
            return
        with contextlib.closing(accepted.client), contextlib.suppress(OSError):
            reset_at_end(accepted.client)
        self._refused.note()
