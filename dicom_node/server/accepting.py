"""The threads of a receiving process that take connections."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue

import structlog

from dicom_node.association.peer_addresses import PeerAddresses
from dicom_node.association.processor_share import ProcessorShare
from dicom_node.network.handover import Accepted, Handover
from dicom_node.network.listening import Listeners, pause_after
from dicom_node.network.tls import ServerTls
from dicom_node.server.arrivals import Arrivals
from dicom_node.server.entrance import Entrance
from dicom_node.server.rejections import Rejections
from storage.core.open_files import REMEDY, is_among_the_last, may_log

log = structlog.get_logger(__name__)

_MOST_WAITING = 64
"""Strangers' connections that are not let in yet."""

LetIn = Callable[[Accepted, ServerTls | None], None]


class Accepting:
    """Gives each connection that is this process's to `let_in`, until it is stopped.

    `is_entrance`: it accepts for other processes, too, and lets strangers in within what they may
    take of the processor.
    """

    def __init__(
        self,
        listeners: Listeners,
        let_in: LetIn,
        peers: PeerAddresses,
        share: ProcessorShare,
        *,
        is_entrance: bool,
    ) -> None:
        self._listeners = listeners
        self._let_in = let_in
        self._peers = peers
        self._share = share
        self._is_entrance = is_entrance
        self._stopping = threading.Event()
        self._ended = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._threads: list[threading.Thread] = []
        self._rejections = Rejections()
        self._let_in_next: SimpleQueue[Accepted | None] = SimpleQueue()

    def start(self) -> None:
        for name, accept in self._by_name():
            thread = threading.Thread(target=accept, name=name)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """May be called again."""
        self._stopping.set()
        if self._ended < 0:
            return
        os.eventfd_write(self._ended, 1)
        self._let_in_next.put(None)
        for thread in self._threads:
            thread.join()
        self._listeners.close()
        os.close(self._ended)
        self._ended = -1
        self._rejections.join()

    def _by_name(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """What runs in a thread each."""
        listeners, handover = self._listeners, self._listeners.handover
        if handover is None:
            arrivals = Arrivals(listeners, self._receive)
            yield "scp-accept", partial(arrivals.run, self._ended, self._stopping)
        elif self._is_entrance:
            entrance = Entrance(listeners, handover, self._peers, self._wait)
            yield "scp-entrance", partial(entrance.run, self._ended, self._stopping)
            yield "scp-accept", self._let_in_waiting
        else:
            yield "scp-accept", partial(self._take_forever, handover)

    def _take_forever(self, handover: Handover) -> None:
        while not self._stopping.is_set():
            try:
                accepted = self._listeners.take(handover, self._ended)
            except OSError as error:
                if self._stopping.is_set():
                    return
                self._stopping.wait(pause_after(error))
                continue
            if accepted is not None:
                self._receive(accepted)

    def _wait(self, accepted: Accepted) -> bool:
        """Serve it once it is its turn; False where too many wait."""
        if accepted.is_check:
            self._receive(accepted)
            return True
        if self._let_in_next.qsize() >= _MOST_WAITING:
            return False
        self._let_in_next.put(accepted)
        return True

    def _let_in_waiting(self) -> None:
        """Strangers' connections, within what strangers may take of the processor."""
        while (accepted := self._let_in_next.get()) is not None:
            begun_s = time.thread_time()
            self._receive(accepted)
            self._share.pay(time.thread_time() - begun_s)

    def _receive(self, accepted: Accepted) -> None:
        client, address = accepted.client, accepted.address
        try:
            if is_among_the_last(client.fileno()):
                if may_log():
                    log.error("open_files_used_up", host=address[0], remedy=REMEDY)
                self._rejections.add(client)
            else:
                self._let_in(accepted, self._listeners.tls if accepted.is_tls else None)
        except Exception:
            # The edge of a connection: whatever it meets, the next one is served.
            log.error("connection_failed", host=address[0], exc_info=True)
            client.close()
