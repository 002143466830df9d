"""Who may hide images of others by a rejection note."""

from storage.core.sources import was_allowed_to_reject
from storage.peers.repository import Peers
from storage.settings import Settings


def may_reject(source: str, peers: Peers, settings: Settings) -> bool:
    """Whether a note of this `source` (`storage.core.sources`) takes effect.

    Of a sender over HTTP the rights are those as the note came; a peer's are those of now. What
    an operator imports at the machine counts. Raises StorageUnavailable.
    """
    if was_allowed_to_reject(source):
        return True
    way, _, name = source.partition(":")
    if way == "dimse":
        # Which of several peers of one AE title it was is not recorded.
        known = peers.by_ae_title(name)
        return (
            all("reject" in one.may for one in known)
            if known
            else ("reject" in settings.unknown_peers_may)
        )
    if way == "fetch":
        archive = peers.find(name)
        return archive is not None and "reject" in archive.may
    return way in ("import", "import-to-run")
