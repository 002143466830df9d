"""Who of a process sends where: a slow destination delays itself, and no other."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from storage.core.entities import Delivery
from storage.peers.repository import KnownPeer


class Server(NamedTuple):
    """Where a destination is. Of a folder, the host is the destination's name."""

    host: str
    port: int = 0


class SendingSlots:
    """The senders of one process and the destinations that they are busy with.

    Each server gets one sender, however many destinations it is, and another while fewer than
    half of all are busy. So one that takes long never holds more than half of them, nor more than
    one where others are busy. One sender is always left by the servers of one host, and by the
    destinations that were out of reach when last called.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._busy: Counter[Server] = Counter()
        self._trials = 0

    @contextmanager
    def claimed(
        self,
        claim: Callable[[set[str]], Sequence[Delivery]],
        servers: Mapping[str, Server],
        failing: Collection[str] = (),
    ) -> Iterator[Sequence[Delivery]]:
        """What `claim` takes of one destination, none of those that it is given.

        The destination counts as busy until the end of the block. `servers`: that of each
        destination. `failing`: destinations that did not answer last.
        """
        # Two that claim at once would both go where one may.
        with self._lock:
            deliveries = claim(self._full(servers, failing))
            destination = deliveries[0].destination if deliveries else None
            is_trial = destination in failing
            if destination is not None:
                server = servers.get(destination, Server(destination))
                self._busy[server] += 1
                self._trials += is_trial
        try:
            yield deliveries
        finally:
            if destination is not None:
                with self._lock:
                    self._busy[server] -= 1
                    self._trials -= is_trial

    def _full(self, servers: Mapping[str, Server], failing: Collection[str]) -> set[str]:
        at_most = max(self._count - 1, 1)
        full = set(failing) if self._trials >= at_most else set()
        of_hosts: Counter[str] = Counter()
        for server, senders in self._busy.items():
            of_hosts[server.host] += senders
        is_half_busy = self._busy.total() >= self._count // 2
        for name, server in servers.items():
            if of_hosts[server.host] >= at_most or (is_half_busy and self._busy[server]):
                full.add(name)
        return full


def server_of(peer: KnownPeer) -> Server:
    """Of an address that cannot be read, its name as of a folder: its delivery tells the cause."""
    try:
        url = urlsplit(peer.url)
        return Server(peer.host or url.hostname or peer.name, peer.port or url.port or 0)
    except ValueError:
        return Server(peer.host or peer.name, peer.port)
