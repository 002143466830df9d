"""Accepting for several processes: who serves which connection."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable

import structlog

from dicom_node.association.peer_addresses import PeerAddresses
from dicom_node.network.connection import reset_at_end
from dicom_node.network.handover import Accepted, Handover
from dicom_node.network.known_activity import KnownActivity
from dicom_node.network.listening import Listeners, pause_after
from dicom_node.network.pdu import PduType

log = structlog.get_logger(__name__)

# Of an A-ASSOCIATE-RQ (PS3.8 9.3.2): the type, and the calling AE title.
_CALLING_TITLE = slice(26, 42)
_HEAD_BYTES = 42
_SAYS_WHO_WITHIN_S = 3.0
_MOST_WAITING = 256
_LOOKS_AGAIN_S = 0.5
_REPORTED_EVERY_S = 10.0


class Entrance:
    """Accepts all connections. Those of known peers that may store go to the receiving processes,
    the others are served here; before the first such peer came all go to the receiving ones.

    A peer is known by the calling AE title, which is looked at without reading it, and its address;
    over TLS by the address alone. Who does not say within a few seconds who it is is served here.
    """

    def __init__(
        self,
        listeners: Listeners,
        handover: Handover,
        peers: PeerAddresses,
        serve: Callable[[Accepted], bool],
    ) -> None:
        """`serve` takes a connection over; False where there is no room for it."""
        self._listeners = {each.fileno(): each for each, _ in listeners.sockets()}
        self._accept_next = listeners.accept
        self._handover = handover
        self._known: KnownActivity = listeners.known
        self._peers = peers
        self._serve = serve
        self._waiting: dict[int, tuple[Accepted, float]] = {}
        """By descriptor, with the end of its time; the eldest first."""
        self._refused = 0
        self._reported_s = float("-inf")

    def run(self, stopped: int, stopping: threading.Event) -> None:
        """Until `stopped`, a descriptor, can be read from."""
        with select.epoll() as ready:
            ready.register(stopped, select.EPOLLIN)
            for listener in self._listeners:
                ready.register(listener, select.EPOLLIN)
            try:
                while not stopping.is_set():
                    for descriptor, _ in ready.poll(_LOOKS_AGAIN_S if self._waiting else None):
                        self._serve_event(ready, descriptor, stopping)
                    self._let_go_of_silent(ready)
            finally:
                for accepted, _ in self._waiting.values():
                    accepted.client.close()

    def _serve_event(self, ready: select.epoll, descriptor: int, stopping: threading.Event) -> None:
        try:
            if descriptor in self._listeners:
                self._accept(ready, self._listeners[descriptor], stopping)
            elif descriptor in self._waiting:
                self._look(ready, descriptor)
        except Exception:
            # The edge of a connection: whatever it meets, the next one is accepted.
            log.error("connection_failed", exc_info=True)

    def _accept(
        self, ready: select.epoll, listener: socket.socket, stopping: threading.Event
    ) -> None:
        try:
            accepted = self._accept_next(listener)
        except BlockingIOError:
            return
        except OSError as error:
            stopping.wait(pause_after(error))
            return
        if accepted is None:
            return
        if not self._known.has_stored:
            self._give(accepted)
        elif accepted.is_tls:
            self._sort(accepted, None)
        else:
            self._wait_for_title(ready, accepted)

    def _wait_for_title(self, ready: select.epoll, accepted: Accepted) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._take_here(self._forget(ready, next(iter(self._waiting))))
        descriptor = accepted.client.fileno()
        self._waiting[descriptor] = (accepted, time.monotonic() + _SAYS_WHO_WITHIN_S)
        # Woken by each piece that comes, not as long as one is there.
        ready.register(descriptor, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)

    def _look(self, ready: select.epoll, descriptor: int) -> None:
        accepted, _ = self._waiting[descriptor]
        try:
            head = accepted.client.recv(_HEAD_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            head = b""
        if not head:
            self._forget(ready, descriptor).client.close()
        elif head[0] != PduType.ASSOCIATE_RQ or len(head) == _HEAD_BYTES:
            title = head[_CALLING_TITLE].decode("ascii", "replace").strip(" ")
            self._sort(self._forget(ready, descriptor), title)

    def _sort(self, accepted: Accepted, title: str | None) -> None:
        if self._peers.may_store(accepted.address[0], title):
            self._give(accepted)
        else:
            self._take_here(accepted)

    def _let_go_of_silent(self, ready: select.epoll) -> None:
        now = time.monotonic()
        late = [each for each, (_, until_s) in self._waiting.items() if until_s < now]
        for descriptor in late:
            self._take_here(self._forget(ready, descriptor))

    def _forget(self, ready: select.epoll, descriptor: int) -> Accepted:
        # Closing it here would not do: another process may have it, too.
        ready.unregister(descriptor)
        return self._waiting.pop(descriptor)[0]

    def _give(self, accepted: Accepted) -> None:
        if not self._handover.give(accepted):
            self._take_here(accepted)

    def _take_here(self, accepted: Accepted) -> None:
        if self._serve(accepted):
            return
        with contextlib.closing(accepted.client), contextlib.suppress(OSError):
            reset_at_end(accepted.client)
        self._refused += 1
        now = time.monotonic()
        if now >= self._reported_s + _REPORTED_EVERY_S:
            log.warning("connections_refused", count=self._refused)
            self._refused, self._reported_s = 0, now
