# Made from _async/worklist.py by scripts/generate.py.
"""What is scheduled for modalities (the modality worklist)."""

from collections.abc import Iterator
from typing import Any, cast

from mediview_client import types
from mediview_client._sync.http import Http
from mediview_client.paths import segment

_PATH = "/api/v1/worklist"


class Worklist:
    """Items are DICOM attributes in snake case, such as `patient_name` and
    `scheduled_procedure_step_sequence`."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def search(self, **filters: Any) -> Iterator[types.WorklistItem]:
        return self._http.pages(_PATH, **filters)

    def get(self, worklist_item_id: str) -> types.WorklistItem:
        return cast(types.WorklistItem, self._http.get(f"{_PATH}/{segment(worklist_item_id)}"))

    def add(self, item: dict[str, Any]) -> types.WorklistItem:
        return cast(types.WorklistItem, self._http.post(_PATH, item))

    def change(self, worklist_item_id: str, **changes: Any) -> types.WorklistItem:
        """What is not named stays."""
        path = f"{_PATH}/{segment(worklist_item_id)}"
        response = self._http.request("PATCH", path, json=changes)
        return cast(types.WorklistItem, response.json())

    def remove(self, worklist_item_id: str) -> None:
        self._http.request("DELETE", f"{_PATH}/{segment(worklist_item_id)}")
