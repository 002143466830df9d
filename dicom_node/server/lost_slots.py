"""Ending the associations whose slots others got."""

import os
import select
import threading
from collections.abc import Callable, Iterable

import structlog

from dicom_node.association.acceptor import AcceptedAssociation
from dicom_node.network.connection_slots import ConnectionSlots

log = structlog.get_logger(__name__)


class LostSlots:
    """A thread that ends associations of this process when their slots are lost.

    It is woken then, by whatever process gave a slot away, and costs nothing otherwise.
    """

    def __init__(
        self, slots: ConnectionSlots, associations: Callable[[], Iterable[AcceptedAssociation]]
    ) -> None:
        self._slots = slots
        self._associations = associations
        self._stopped = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._watch, name="scp-lost-slots", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """May be called again."""
        if self._stopped < 0:
            return
        os.eventfd_write(self._stopped, 1)
        if self._thread.ident is not None:
            self._thread.join()
        os.close(self._stopped)
        self._stopped = -1

    def _watch(self) -> None:
        with select.epoll() as waiting:
            waiting.register(self._slots.loss_fd, select.EPOLLIN | select.EPOLLET)
            waiting.register(self._stopped, select.EPOLLIN)
            while all(fd != self._stopped for fd, _ in waiting.poll()):
                for one in self._associations():
                    end_where_lost(one)


def end_where_lost(association: AcceptedAssociation) -> None:
    """What was acknowledged is stored; a message under way is discarded."""
    # Looked at again each time that any connection gives way.
    if association.gave_way or not association.has_lost_its_slot:
        return
    association.gave_way = True
    association.connection.interrupt()
    log.warning(
        "connection_gave_way",
        peer=association.peer_ae_title,
        host=association.host,
    )
