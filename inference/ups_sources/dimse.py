"""Another system's worklist by DIMSE (UPS Pull, PS3.4 CC): search, claim, update, end.

Each time an association of its own. It is polled for new items. Requests for cancellation are
events, which the node's SCP takes (`dicom_node.ups.event_scp`) where the peer lets it subscribe.
"""

import time
from contextlib import AbstractContextManager

import structlog
from pydicom.dataset import Dataset

from dicom_node.peers import Peer, PeerFailed, PeerLacksService
from dicom_node.ups.datasets import sent_dataset
from dicom_node.ups.scu import RemoteWorklist, open_worklist, subscribe
from inference.failures import place
from inference.ups_sources.source import AT_ONCE, ClaimedItems, plain_item
from storage.core.errors import NotFound
from storage.peers.repository import Peers
from storage.settings import Settings
from storage.ups.dicom_json import JsonAttributes, tag_of

log = structlog.get_logger(__name__)

# A peer that forgot its subscribers gets this one again.
_SUBSCRIBED_S = 600.0
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
        self._subscribed_at: float | None = None

    def search(self, state: str) -> list[JsonAttributes]:
        self._stay_subscribed()
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
        try:
            subscribe(self._peer(), self._settings.ae_title, ae_title)
        except PeerLacksService as error:
            log.info("ups_source_not_subscribed", source=self.name, reason=error.message)
            return False
        self._subscribed_at = time.monotonic()
        return True

    def channel(self, ae_title: str) -> None:
        """None: its events come to the node's SCP."""

    def _stay_subscribed(self) -> None:
        since = self._subscribed_at
        if since is not None and time.monotonic() - since >= _SUBSCRIBED_S:
            self.subscribe(self._settings.ae_title)

    def _change_state(self, uid: str, transaction_uid: str, state: str) -> bool:
        with self._worklist() as worklist:
            return worklist.change_state(uid, transaction_uid, state)

    def _worklist(self) -> AbstractContextManager[RemoteWorklist]:
        return open_worklist(self._peer(), self._settings.ae_title)

    def _peer(self) -> Peer:
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
        return Peer.known(known, self._settings)


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
