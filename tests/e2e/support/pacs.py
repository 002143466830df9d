"""Orthanc as the hospital's PACS; it can go down and come back with what it had."""

from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from tests.services import OrthancServer, free_port, orthanc


class Pacs:
    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._stack = ExitStack()
        self._server: OrthancServer | None = None

    @property
    def address(self) -> str:
        return f"pacs=ORTHANC@127.0.0.1:{self.port}"

    @property
    def server(self) -> OrthancServer:
        if self._server is None:
            raise RuntimeError("The PACS is down.")
        return self._server

    def start(self) -> None:
        self._server = self._stack.enter_context(orthanc(self._folder, port=self.port))

    def stop(self) -> None:
        self._stack.close()
        self._server = None

    def instances_of(self, study_instance_uid: str) -> dict[str, bytes]:
        """SOP Instance UID → part 10 file of everything it holds of one study."""
        return {
            uid: self.server.get_bytes(f"/instances/{orthanc_id}/file")
            for uid, orthanc_id in self._ids_of({"StudyInstanceUID": study_instance_uid}).items()
        }

    def forget(self, sop_instance_uids: Collection[str]) -> None:
        """Delete these instances, as its administrator would."""
        for uid in sop_instance_uids:
            for orthanc_id in self._ids_of({"SOPInstanceUID": uid}).values():
                httpx.delete(f"{self.server.url}/instances/{orthanc_id}").raise_for_status()

    def _ids_of(self, query: dict[str, str]) -> dict[str, str]:
        found: list[dict[str, Any]] = self.server.post(
            "/tools/find", {"Level": "Instance", "Query": query, "Expand": True}
        )
        return {entry["MainDicomTags"]["SOPInstanceUID"]: entry["ID"] for entry in found}
