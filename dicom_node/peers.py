"""Other application entities: who they are and what goes wrong with them."""

from dataclasses import dataclass

from dicom_node.network.throttle import Throttle
from dicom_node.network.tls import ClientTls
from storage.core.callers.visibility import Caller
from storage.core.errors import MediViewError
from storage.peers.entities import KnownPeer
from storage.peers.repository import Peers
from storage.settings import Destination, Settings


@dataclass(frozen=True, slots=True)
class Peer:
    """A DICOM application entity that can be called: over TLS and not too fast, where set so."""

    ae_title: str
    host: str
    port: int
    tls: ClientTls | None = None
    bandwidth_bytes_per_s: float = 0.0

    @classmethod
    def of(cls, destination: Destination) -> "Peer":
        return cls(destination.ae_title, destination.host, destination.port)

    @classmethod
    def known(cls, peer: KnownPeer, settings: Settings) -> "Peer":
        """A peer of the table or the settings that has an address to be called at."""
        tls = ClientTls.of(peer, settings)
        return cls(peer.ae_title, peer.host, peer.port, tls, peer.sending_bytes_per_s)

    @classmethod
    def parse(cls, text: str) -> "Peer":
        """Read `AE@host:port`; raises InvalidRequest saying how it is written."""
        return cls.of(Destination.parse(text))

    def throttle(self) -> Throttle | None:
        """What one association with the peer has to wait for, None without a limit."""
        return Throttle(self.bandwidth_bytes_per_s) if self.bandwidth_bytes_per_s else None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


def known_peer(settings: Settings, peers: Peers, ae_title: str) -> Peer | None:
    """The known peer of that AE title that can be called, None for a stranger."""
    callable_ones = (one for one in peers.by_ae_title(ae_title) if one.host)
    return next((Peer.known(one, settings) for one in callable_ones), None)


def caller_of_peer(peer: KnownPeer | None) -> Caller:
    """For access groups. A stranger belongs to the group of everyone alone."""
    return Caller("peer", "" if peer is None else peer.name)


class PeerFailed(MediViewError):
    """A peer cannot be reached, refuses the association, or breaks it off."""

    code = "peer_failed"


class PeerLacksService(PeerFailed):
    """A peer answers, but does not offer what it is asked for; asking again will not help."""

    code = "peer_lacks_service"


class PeerDidNotAnswer(PeerFailed):
    """A peer takes the association, but breaks off or stays silent when it is asked."""

    code = "peer_did_not_answer"
