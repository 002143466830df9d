"""Which addresses are those of known peers, for who cannot wait for the database."""

import threading
from collections.abc import Callable, Hashable, Sequence

import structlog

from storage.core.errors import MediViewError
from storage.peers.entities import KnownPeer
from storage.peers.repository import Peers

log = structlog.get_logger(__name__)

_MOST_KEPT = 1024
_STOP_S = 3.0


class PeerAddresses:
    """Answers at once, by the last list of peers, which a thread of its own reads again.

    It reads when somebody asks and the list is older than a second, never otherwise.
    """

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        # By the list that was looked through for it.
        self._looked_up: tuple[Sequence[KnownPeer], dict[Hashable, bool]] = ((), {})
        self._wanted = threading.Event()
        self._stopping = False
        # A daemon: a database that does not answer must not keep the node from ending.
        self._thread = threading.Thread(target=self._read, name="scp-peers", daemon=True)

    def start(self) -> None:
        self._wanted.set()
        self._thread.start()

    def stop(self) -> None:
        """May be called again."""
        self._stopping = True
        self._wanted.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)

    def is_peers(self, host: str) -> bool:
        """Whether a known peer is listed with this address, or a network that it lies in."""
        return self._looked_for(host, lambda peer: bool(peer.sources) and peer.may_call_from(host))

    def may_store(self, host: str, title: str | None) -> bool:
        """Whether a known peer of this AE title that may store calls from there; None: over TLS,
        where the title is not known yet, one that is listed with this address."""

        def is_one(peer: KnownPeer) -> bool:
            return "store" in peer.may and _fits(peer, title) and peer.may_call_from(host)

        return self._looked_for((host, title), is_one)

    def _looked_for(self, key: Hashable, is_one: Callable[[KnownPeer], bool]) -> bool:
        """Whether a peer of the last list is one, remembered under that key."""
        if not self._peers.is_fresh:
            self._wanted.set()
        listed = self._peers.last_read
        looked_through, found_before = self._looked_up
        if listed is not looked_through or len(found_before) >= _MOST_KEPT:
            found_before = {}
            self._looked_up = (listed, found_before)
        found = found_before.get(key)
        if found is None:
            found = found_before[key] = any(map(is_one, listed))
        return found

    def _read(self) -> None:
        # Asked before each wait: what `stop` has set may be cleared here.
        while not self._stopping:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopping:
                return
            try:
                self._peers.recent()
            except MediViewError as error:
                # The database is away; the next connection asks again.
                log.warning("peers_unavailable", code=error.code)
            except Exception as error:
                # The edge of the thread: it goes on for the next connection.
                log.error("peers_not_read", error=type(error).__name__, exc_info=True)


def _fits(peer: KnownPeer, title: str | None) -> bool:
    if title is None:
        return bool(peer.sources)
    return peer.ae_title == title and not peer.must_use_tls
