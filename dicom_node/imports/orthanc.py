"""An Orthanc by its own REST API, which every one of them has, with or without DICOMweb."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from dicom_node.archives.http_archive import HttpArchive
from dicom_node.archives.receiving import Receiving
from dicom_node.imports.sources import Part
from dicom_node.peers import PeerFailed
from storage.http.client import flowing

_STUDIES_AT_ONCE = 500
_ID = re.compile(r"[0-9a-f-]{1,64}")
_TIME = re.compile(r"[0-9T:.Z+-]{0,40}")
_MOST_STUDIES = 20_000_000
"""More than any Orthanc holds."""


class OrthancSource:
    def __init__(self, archive: HttpArchive) -> None:
        self._archive = archive
        self.name = archive.host

    def __str__(self) -> str:
        return f"the Orthanc at {self._archive}"

    def parts(self) -> Iterator[Part]:
        """A study each; one that changed since is another part. Raises PeerFailed."""
        since, first_before = 0, ""
        while True:
            query = {"since": str(since), "limit": str(_STUDIES_AT_ONCE), "expand": ""}
            page = self._list("/studies", query)
            if not page or self._id(page[0]) == first_before:
                return
            first_before = self._id(page[0])
            for study in page:
                study_id, changed = self._id(study), self._last_update(study)
                yield Part(f"{study_id} {changed}", partial(self._fetch, study_id))
            since += len(page)
            if since > _MOST_STUDIES:
                raise PeerFailed(f"{self} listed more than {_MOST_STUDIES} studies.")

    def close(self) -> None:
        self._archive.close()

    def _fetch(self, study_id: str, receiving: Receiving) -> None:
        instances = self._list(f"/studies/{study_id}/instances", {"expand": "false"})
        if not instances:
            raise PeerFailed(f"{self} listed a study without an instance.")
        for instance in instances:
            instance_id = self._id(instance)
            receiving.begin(f"instance {instance_id}")
            try:
                path = f"/instances/{instance_id}/file"
                with self._archive.asked(path, "application/dicom") as answer:
                    for piece in flowing(answer):
                        receiving.write(piece)
                receiving.finish()
            finally:
                receiving.drop()

    def _list(self, path: str, query: dict[str, str]) -> list[Any]:
        found = self._archive.json(path, query)
        if not isinstance(found, list):
            raise PeerFailed(f"{self} answered no list to {path}.")
        return found

    def _last_update(self, study: Any) -> str:
        """Raises PeerFailed: what is no time would fill the journal."""
        if not isinstance(study, dict):
            raise PeerFailed(f"{self} listed a study without its data.")
        found = study.get("LastUpdate", "")
        if not isinstance(found, str) or not _TIME.fullmatch(found):
            raise PeerFailed(f"{self} listed a study without a valid LastUpdate.")
        return found

    def _id(self, entry: Any) -> str:
        """Raises PeerFailed: what is no identifier would lead to another address."""
        found = entry.get("ID") if isinstance(entry, dict) else entry
        if not isinstance(found, str) or not _ID.fullmatch(found):
            raise PeerFailed(f"{self} listed something without an identifier.")
        return found
