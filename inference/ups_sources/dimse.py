"""Another system's worklist by DIMSE (UPS Pull, PS3.4 CC): search, claim, update, end.

Each time an association of its own. It is polled: a request for cancellation is an event, and
these are reported to who subscribed, which this node does by HTTP alone.
"""

from contextlib import AbstractContextManager

import structlog
from pydicom.dataset import Dataset
from websockets.sync.client import ClientConnection

from dicom_node.peers import Peer, PeerFailed
from dicom_node.ups.datasets import sent_dataset
from dicom_node.ups.scu import RemoteWorklist, open_worklist
from inference.failures import place
from inference.ups_sources.source import AT_ONCE, ClaimedItems, plain_item
from storage.core.errors import NotFound
from storage.peers.repository import Peers
from storage.settings import Settings
from storage.ups.dicom_json import JsonAttributes, tag_of

log = structlog.get_logger(__name__)

_CHARACTER_SET = tag_of("SpecificCharacterSet")


class DimseUpsSource(ClaimedItems):
    """One peer; its entry names address and TLS."""

    def __init__(self, name: str, peer_name: str, peers: Peers, settings: Settings) -> None:
        super().__init__()
        self.name = name
        self._peer_name = peer_name
        self._peers = peers
        self._settings = settings
        # Items that were read, by UID, as long as a search names them as they were.
        self._read: dict[str, tuple[str, JsonAttributes | None]] = {}

    def search(self, state: str) -> list[JsonAttributes]:
        with self._worklist() as worklist:
            found = worklist.find(state, AT_ONCE)
            self._read = {
                uid: known
                for uid, changed in found.items()
                if (known := self._read.get(uid)) is not None and changed and known[0] == changed
            }
            for uid, changed in found.items():
                if uid not in self._read and not self.is_refused(uid):
                    self._read[uid] = changed, _attributes(worklist.item(uid), uid)
        return [one for _, one in self._read.values() if one is not None]

    def update(self, uid: str, transaction_uid: str, changes: JsonAttributes) -> bool:
        with self._worklist() as worklist:
            return worklist.update(uid, transaction_uid, sent_dataset(changes))

    def subscribe(self, ae_title: str) -> bool:
        """Never: it is polled."""
        del ae_title
        return False

    def channel(self, ae_title: str) -> AbstractContextManager[ClientConnection]:
        raise OSError(f"{self.name} reports no events to {ae_title} by HTTP")

    def _change_state(self, uid: str, transaction_uid: str, state: str) -> bool:
        with self._worklist() as worklist:
            return worklist.change_state(uid, transaction_uid, state)

    def _worklist(self) -> AbstractContextManager[RemoteWorklist]:
        """Raises PeerFailed."""
        try:
            known = self._peers.get(self._peer_name)
        except NotFound as error:
            raise PeerFailed(
                f"No peer is named {self._peer_name}.",
                remedy="Add it with `mediview peers add`, or correct MEDIVIEW_UPS_SOURCES.",
            ) from error
        if not known.host or not known.ae_title:
            raise PeerFailed(f"The peer {self._peer_name} has no address that DICOM could call.")
        return open_worklist(Peer.known(known, self._settings), self._settings.ae_title)


def _attributes(item: Dataset | None, uid: str) -> JsonAttributes | None:
    """None for what cannot be read, or is there no more."""
    if item is None:
        return None
    try:
        decoded = item.to_json_dict()
    except Exception as error:  # noqa: BLE001 - whatever a strange data set makes pydicom raise
        log.warning(
            "work_item_unreadable", workitem_uid=uid, error=type(error).__name__, place=place(error)
        )
        return None
    decoded.pop(_CHARACTER_SET, None)
    # N-GET names the item in its command, and need not in its data set.
    decoded.setdefault(tag_of("SOPInstanceUID"), {"vr": "UI", "Value": [uid]})
    return plain_item(decoded)
