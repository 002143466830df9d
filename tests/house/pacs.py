"""Orthanc as the hospital's PACS; it can go down and come back with what it had."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

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
        query = {
            "Level": "Instance",
            "Query": {"StudyInstanceUID": study_instance_uid},
            "Expand": True,
        }
        found: list[dict[str, Any]] = self.server.post("/tools/find", query)
        return {
            entry["MainDicomTags"]["SOPInstanceUID"]: self.server.get_bytes(
                f"/instances/{entry['ID']}/file"
            )
            for entry in found
        }
