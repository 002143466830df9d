"""What is scheduled for modalities (the modality worklist)."""

from collections.abc import AsyncIterator
from typing import Any, cast

from mediview_client import types
from mediview_client._async.http import AsyncHttp
from mediview_client.paths import segment

_PATH = "/api/v1/worklist"


class AsyncWorklist:
    """Items are DICOM attributes in snake case, such as `patient_name` and
    `scheduled_procedure_step_sequence`."""

    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    def search(self, **filters: Any) -> AsyncIterator[types.WorklistItem]:
        return self._http.pages(_PATH, **filters)

    async def get(self, worklist_item_id: str) -> types.WorklistItem:
        return cast(
            types.WorklistItem, await self._http.get(f"{_PATH}/{segment(worklist_item_id)}")
        )

    async def add(self, item: dict[str, Any]) -> types.WorklistItem:
        return cast(types.WorklistItem, await self._http.post(_PATH, item))

    async def change(self, worklist_item_id: str, **changes: Any) -> types.WorklistItem:
        """What is not named stays."""
        path = f"{_PATH}/{segment(worklist_item_id)}"
        response = await self._http.request("PATCH", path, json=changes)
        return cast(types.WorklistItem, response.json())

    async def remove(self, worklist_item_id: str) -> None:
        await self._http.request("DELETE", f"{_PATH}/{segment(worklist_item_id)}")
