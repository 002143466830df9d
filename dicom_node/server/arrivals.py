"""Accepting connections without waiting for any of them."""

import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from dicom_node.network.handover import Accepted
from dicom_node.network.listening import Listeners, pause_after
from dicom_node.network.proxy_protocol import (
    HEADER_MOST_BYTES,
    WITHIN_S,
    NoProxyHeader,
    header_in,
)
from dicom_node.network.repeated_warning import RepeatedWarning

log = structlog.get_logger(__name__)

_MOST_WAITING = 256
_LOOKS_AGAIN_S = 0.5


@dataclass(frozen=True)
class Awaited:
    """A connection that is to say something before it goes on."""

    accepted: Accepted
    until_s: float
    most_bytes: int
    look: Callable[[int, bytes], None]
    """Called with its descriptor and its first bytes, which stay to be read."""
    late: Callable[[Accepted], None]
    """Called where it has not stated enough in time, or too many wait."""


class Arrivals:
    """Accepts all connections, and gives each to `take` once it is known from where it comes.

    A load balancer's says so before its first byte. Nobody waits for a connection that is silent.
    """

    def __init__(self, listeners: Listeners, take: Callable[[Accepted], None]) -> None:
        self._listeners = {each.fileno(): each for each, _ in listeners.sockets()}
        self._accept_next = listeners.accept
        self._proxies = listeners.proxies
        self._take = take
        self._awaited: dict[int, Awaited] = {}
        """By descriptor; the eldest first."""
        self._missing = RepeatedWarning("proxy_header_missing")
        self._epoll: select.epoll

    def run(self, stopped: int, stopping: threading.Event) -> None:
        """Until `stopped`, a descriptor, can be read from."""
        with select.epoll() as self._epoll:
            self._epoll.register(stopped, select.EPOLLIN)
            for listener in self._listeners:
                self._epoll.register(listener, select.EPOLLIN)
            try:
                while not stopping.is_set():
                    for descriptor, _ in self._epoll.poll(self._poll_s):
                        self._serve_event(descriptor, stopping)
                    self._let_go_of_silent()
            finally:
                for awaited in self._awaited.values():
                    awaited.accepted.client.close()

    def wait(
        self,
        accepted: Accepted,
        within_s: float,
        most_bytes: int,
        look: Callable[[int, bytes], None],
        late: Callable[[Accepted], None],
    ) -> None:
        """Look at what comes, without reading it."""
        if len(self._awaited) >= _MOST_WAITING:
            self._give_up(next(iter(self._awaited)))
        descriptor = accepted.client.fileno()
        until_s = time.monotonic() + within_s
        self._awaited[descriptor] = Awaited(accepted, until_s, most_bytes, look, late)
        # Woken by each piece that comes, not as long as one is there.
        self._epoll.register(descriptor, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)

    def forget(self, descriptor: int) -> Accepted:
        """Wait no longer."""
        # Closing it here would not do: another process may have it, too.
        self._epoll.unregister(descriptor)
        return self._awaited.pop(descriptor).accepted

    @property
    def _poll_s(self) -> float | None:
        return _LOOKS_AGAIN_S if self._awaited else None

    def _serve_event(self, descriptor: int, stopping: threading.Event) -> None:
        try:
            if descriptor in self._listeners:
                self._accept(self._listeners[descriptor], stopping)
            elif descriptor in self._awaited:
                self._look(descriptor)
        except Exception:
            # The edge of a connection: whatever it meets, the next one is accepted.
            log.error("connection_failed", exc_info=True)

    def _accept(self, listener: socket.socket, stopping: threading.Event) -> None:
        try:
            accepted = self._accept_next(listener)
        except BlockingIOError:
            return
        except OSError as error:
            stopping.wait(pause_after(error))
            return
        if self._proxies.include(accepted.address[0]):
            look, late = self._look_for_header, self._without_header
            self.wait(accepted, WITHIN_S, HEADER_MOST_BYTES, look, late)
        else:
            self._take(accepted)

    def _look(self, descriptor: int) -> None:
        awaited = self._awaited[descriptor]
        flags = socket.MSG_PEEK | socket.MSG_DONTWAIT
        try:
            head = awaited.accepted.client.recv(awaited.most_bytes, flags)
        except BlockingIOError:
            return
        except OSError:
            head = b""
        if head:
            awaited.look(descriptor, head)
        else:
            self.forget(descriptor).client.close()

    def _look_for_header(self, descriptor: int, head: bytes) -> None:
        try:
            header = header_in(head)
        except NoProxyHeader as error:
            self._refuse(self.forget(descriptor), str(error))
            return
        if header is None:
            return
        accepted = self.forget(descriptor)
        accepted.client.recv(header.size_bytes)
        address = header.client or accepted.address
        self._take(accepted._replace(address=address, is_check=header.is_check))

    def _without_header(self, accepted: Accepted) -> None:
        self._refuse(accepted, "Nothing of the PROXY protocol came in time.")

    def _refuse(self, accepted: Accepted, reason: str) -> None:
        accepted.client.close()
        self._missing.note(proxy=accepted.address[0], reason=reason)

    def _let_go_of_silent(self) -> None:
        now = time.monotonic()
        for descriptor in [one for one, its in self._awaited.items() if its.until_s < now]:
            self._give_up(descriptor)

    def _give_up(self, descriptor: int) -> None:
        late = self._awaited[descriptor].late
        late(self.forget(descriptor))
