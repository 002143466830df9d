"""Who of a process sends where: a slow destination delays itself, and no other."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from storage.core.entities import Delivery
from storage.peers.entities import KnownPeer


class Server(NamedTuple):
    """Where a destination is. Of a folder, the host is the destination's name."""

    host: str
    port: int = 0


class _Claim(NamedTuple):
    """A sender that is busy: with whom, whether that did not answer last, and since when."""

    server: Server
    is_trial: bool
    begun: float


class SendingSlots:
    """The senders of one process and the destinations that they are busy with.

    Each server gets one sender, however many destinations it is, and another while fewer than
    half of all are busy. So one that takes long never holds more than half of them, nor more than
    one where others are busy. One sender is always left by the servers of one host, and by the
    destinations that were out of reach when last called.

    That several hosts hang at once nobody knows before they do. So a sender that has been busy
    for long makes room for another one, `spare` times at most.
    """

    def __init__(
        self,
        count: int,
        spare: int = 0,
        slow_after_s: float = 20.0,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now_s = now_s
        self._count, self._spare, self._slow_after_s = count, spare, slow_after_s
        self._lock = threading.Lock()
        self._claims: dict[object, _Claim] = {}

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
            deliveries = claim(self._full(servers, failing)) if self._has_room() else ()
            token = object()
            if deliveries:
                destination = deliveries[0].destination
                server = servers.get(destination, Server(destination))
                self._claims[token] = _Claim(server, destination in failing, self._now_s())
        try:
            yield deliveries
        finally:
            with self._lock:
                self._claims.pop(token, None)

    def _has_room(self) -> bool:
        return self._counted() < self._count

    def _slow(self) -> list[_Claim]:
        slow_since = self._now_s() - self._slow_after_s
        return [one for one in self._claims.values() if one.begun <= slow_since]

    def _counted(self) -> int:
        """How many senders are busy, without those that are slow and have been made room for."""
        return len(self._claims) - min(len(self._slow()), self._spare)

    def _full(self, servers: Mapping[str, Server], failing: Collection[str]) -> set[str]:
        at_most = max(self._count - 1, 1)
        claims = self._claims.values()
        full = set(failing) if sum(one.is_trial for one in claims) >= at_most else set()
        busy = Counter(one.server for one in claims)
        of_hosts = Counter(one.server.host for one in claims)
        slow = {one.server for one in self._slow()}
        half = self._count // 2
        for name, server in servers.items():
            # Those that are slow make room for others, not for more of their own.
            is_half_busy = (len(claims) if server in slow else self._counted()) >= half
            if of_hosts[server.host] >= at_most or (is_half_busy and busy[server]):
                full.add(name)
        return full


def server_of(peer: KnownPeer) -> Server:
    """Of an address that cannot be read, its name as of a folder: its delivery tells the cause."""
    try:
        url = urlsplit(peer.url)
        return Server(peer.host or url.hostname or peer.name, peer.port or url.port or 0)
    except ValueError:
        return Server(peer.host or peer.name, peer.port)
