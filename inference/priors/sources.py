"""The archives that may be asked, each by the protocol it speaks."""

from dicom_node.archives.archive import Archive
from inference.deliveries.destinations import checked_peer, kind_of
from storage.core.errors import InvalidRequest
from storage.core.sources import of_archive
from storage.peers.entities import KnownPeer
from storage.settings import Settings


def open_archive(peer: KnownPeer, settings: Settings) -> Archive:
    """Raises InvalidRequest where the peer may not or cannot be asked (any more)."""
    if not peer.is_archive:
        raise InvalidRequest(
            f"'{peer.name}' may not be asked for earlier studies.",
            remedy="Mark the peer as an archive: `mediview peers archive NAME`.",
        )
    checked_peer(peer, settings)
    kind = kind_of(peer)
    cannot_be_called = kind.why_unreachable is not None and kind.why_unreachable(peer)
    if kind.open_archive is None or cannot_be_called:
        raise InvalidRequest(
            f"'{peer.name}' is not an archive that answers queries.",
            remedy="An archive is a DICOM peer with host and port, or a DICOMweb archive.",
        )
    return kind.open_archive(peer, settings)


def label_of(peer: KnownPeer) -> str:
    """The `source` of instances that come from it; C-MOVE gives them that of its AE title."""
    return of_archive(peer.name, peer.ae_title if kind_of(peer).may_call else "")
