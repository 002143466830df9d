"""What every worklist of another system can be asked, and what is read of its items."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from websockets.sync.client import ClientConnection

from storage.ups.dicom_json import JsonAttributes

AT_ONCE = 50
"""Of a search."""
_MOST_REFUSED = 10_000
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_VR = re.compile(r"[A-Z]{2}")
_MAX_DEPTH = 16


class WorkitemSource(Protocol):
    """All methods raise PeerFailed where it does not answer."""

    @property
    def name(self) -> str: ...

    def is_refused(self, uid: str) -> bool:
        """Whether a claim was not taken before: somebody else's is not asked for each time."""

    def search(self, state: str) -> list[JsonAttributes]:
        """Items in a state, whole; `AT_ONCE` at most."""

    def claim(self, uid: str, transaction_uid: str) -> bool:
        """Whether it is ours now."""

    def end(self, uid: str, transaction_uid: str, state: str) -> bool:
        """Whether the source took it."""

    def update(self, uid: str, transaction_uid: str, changes: JsonAttributes) -> bool:
        """As above."""

    def subscribe(self, ae_title: str) -> bool:
        """Whether it reports the events of its worklist to that title."""

    def channel(self, ae_title: str) -> AbstractContextManager[ClientConnection] | None:
        """The WebSocket of event reports, which raises OSError and WebSocketException when it is
        entered; None where they do not come by one.
        """


class RefusedClaims:
    """UIDs that others claimed first, or that were never to be had."""

    def __init__(self) -> None:
        self._uids: set[str] = set()

    def __contains__(self, uid: str) -> bool:
        return uid in self._uids

    def add(self, uid: str) -> None:
        if len(self._uids) >= _MOST_REFUSED:
            self._uids.clear()
        self._uids.add(uid)


class ClaimedItems(ABC):
    """Claims and ends of workitems, alike over HTTP and DIMSE."""

    def __init__(self) -> None:
        self._refused = RefusedClaims()

    def is_refused(self, uid: str) -> bool:
        return uid in self._refused

    def claim(self, uid: str, transaction_uid: str) -> bool:
        is_ours = self._change_state(uid, transaction_uid, "IN PROGRESS")
        if not is_ours:
            self._refused.add(uid)
        return is_ours

    def end(self, uid: str, transaction_uid: str, state: str) -> bool:
        return self._change_state(uid, transaction_uid, state)

    @abstractmethod
    def _change_state(self, uid: str, transaction_uid: str, state: str) -> bool:
        """Whether the source took it. Raises PeerFailed."""


def plain_item(item: object, depth: int = 0) -> JsonAttributes | None:
    """A data set in DICOM JSON, without what refers to bulk data; None for what is none."""
    if not isinstance(item, Mapping) or depth > _MAX_DEPTH:
        return None
    kept: JsonAttributes = {}
    for tag, element in item.items():
        if not isinstance(element, Mapping) or not _TAG.fullmatch(str(tag)):
            return None
        vr, values = element.get("vr"), element.get("Value", [])
        if not isinstance(vr, str) or not _VR.fullmatch(vr) or not isinstance(values, list):
            return None
        if str(tag).startswith(("0000", "0002")) or {"BulkDataURI", "InlineBinary"} & set(element):
            continue
        if vr == "SQ":
            items = [plain_item(one, depth + 1) for one in values]
            if None in items:
                return None
            values = items
        elif not all(_is_value(one) for one in values):
            return None
        kept[str(tag).upper()] = {"vr": vr, "Value": values} if values else {"vr": vr}
    return kept


def _is_value(value: object) -> bool:
    """What a database keeps: no NUL, nothing nested but the groups of a name."""
    if isinstance(value, Mapping):
        return all(isinstance(one, str) and "\0" not in one for one in value.values())
    return not isinstance(value, list | bool) and "\0" not in str(value)
