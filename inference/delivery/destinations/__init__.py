"""Where results go: a PACS by DIMSE, an archive by STOW-RS, a folder."""

from inference.delivery.destinations.ae import AeDestination
from inference.delivery.destinations.folder import FolderDestination
from inference.delivery.destinations.protocol import Destination, Outcome, TestResult
from inference.delivery.destinations.stow import StowDestination
from storage.container import Storage
from storage.peers.repository import KnownPeer

__all__ = ["Destination", "Outcome", "TestResult", "open_destination", "probe_peer"]


def open_destination(storage: Storage, peer: KnownPeer) -> Destination:
    """Raises InvalidRequest where the peer's entry is not allowed (any more)."""
    if peer.kind == "stow":
        return StowDestination(storage, peer)
    if peer.kind == "folder":
        return FolderDestination(storage, peer)
    return AeDestination(storage, peer)


def probe_peer(storage: Storage, peer: KnownPeer) -> TestResult:
    """What the test button says. Raises InvalidRequest as `open_destination` does."""
    if peer.kind == "ae" and not peer.host:
        return TestResult(
            False,
            f"{peer.ae_title} has no address at which it could be called;"
            " let it send a C-ECHO to this node instead.",
        )
    return open_destination(storage, peer).test()
