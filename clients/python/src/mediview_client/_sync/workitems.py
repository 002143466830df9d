# Made from _async/workitems.py by scripts/generate.py.
"""Workitems of the unified worklist (UPS-RS, PS3.18 chapter 11), in DICOM JSON."""

import json
import uuid
from typing import Any, cast

import httpx

from mediview_client._sync.http import Http
from mediview_client._sync.images import DicomJson
from mediview_client.errors import ApiError, ClaimUnanswered
from mediview_client.paths import segment

_PATH = "/dicom-web/workitems"
_STATE, _TRANSACTION = "00741000", "00081195"
# It says how text is written, and there is none.
_NO_CHANGE: DicomJson = {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}
_JSON = {"Content-Type": "application/dicom+json"}


class Workitems:
    def __init__(self, http: Http) -> None:
        self._http = http

    def search(self, **attributes: Any) -> list[DicomJson]:
        """By keyword, such as `ProcedureStepState="SCHEDULED"`."""
        response = self._http.request("GET", _PATH, query=attributes)
        return cast(list[DicomJson], response.json()) if response.content else []

    def get(self, workitem_uid: str) -> DicomJson:
        (found,) = self._http.get(f"{_PATH}/{segment(workitem_uid)}")
        return cast(DicomJson, found)

    def create(self, workitem: DicomJson, workitem_uid: str = "") -> str:
        """The UID of the new workitem (PS3.4 Table CC.2.5-3 says what it needs)."""
        path = f"{_PATH}?{segment(workitem_uid)}" if workitem_uid else _PATH
        response = self._http.request("POST", path, content=_encoded(workitem), headers=_JSON)
        return str(response.headers["Location"].rpartition("/")[2])

    def claim(self, workitem_uid: str, transaction_uid: str = "") -> str:
        """Take a workitem up; the transaction UID that its performer alone knows.

        Where an answer is lost, the node is asked again, and refuses who has the workitem already;
        an update that it takes with this UID then shows whose it is (PS3.4 CC.2.1.3). Raises
        ClaimUnanswered, which has the UID, where the node does not answer at all.
        """
        transaction_uid = transaction_uid or f"2.25.{uuid.uuid4().int}"
        try:
            self._change_state(workitem_uid, "IN PROGRESS", transaction_uid)
        except ApiError as error:
            if error.status != 409 or not self._is_claimed_with(workitem_uid, transaction_uid):
                raise
        except httpx.TransportError as error:
            raise ClaimUnanswered(workitem_uid, transaction_uid) from error
        return transaction_uid

    def _is_claimed_with(self, workitem_uid: str, transaction_uid: str) -> bool:
        """Whether an update that changes nothing is taken from this performer."""
        try:
            self.update(workitem_uid, _NO_CHANGE, transaction_uid)
        except ApiError:
            return False
        return True

    def update(self, workitem_uid: str, changes: DicomJson, transaction_uid: str = "") -> None:
        path = f"{_PATH}/{segment(workitem_uid)}" + (
            f"?{segment(transaction_uid)}" if transaction_uid else ""
        )
        self._http.request("POST", path, content=_encoded(changes), headers=_JSON)

    def complete(self, workitem_uid: str, transaction_uid: str) -> None:
        """What was performed must stand in it by then."""
        self._change_state(workitem_uid, "COMPLETED", transaction_uid)

    def give_up(self, workitem_uid: str, transaction_uid: str) -> None:
        """End as its performer what was claimed."""
        self._change_state(workitem_uid, "CANCELED", transaction_uid)

    def request_cancellation(self, workitem_uid: str) -> None:
        """Ask its performer to end it."""
        path = f"{_PATH}/{segment(workitem_uid)}/cancelrequest"
        self._http.request("POST", path, content=b"", headers=_JSON)

    def _change_state(self, workitem_uid: str, state: str, transaction_uid: str) -> None:
        change = {
            _STATE: {"vr": "CS", "Value": [state]},
            _TRANSACTION: {"vr": "UI", "Value": [transaction_uid]},
        }
        self._http.request(
            "PUT", f"{_PATH}/{segment(workitem_uid)}/state", content=_encoded(change), headers=_JSON
        )


def _encoded(dataset: DicomJson) -> bytes:
    return json.dumps([dataset]).encode()
