"""An Orthanc by its own REST API, which every one of them has, with or without DICOMweb."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from dicom_node.archives.http_archive import HttpArchive
from dicom_node.archives.receiving import Receiving
from dicom_node.imports.sources import Part
from dicom_node.peers import PeerFailed
from storage.core.errors import InvalidInstance
from storage.core.uids import check_uid
from storage.core.untrusted_input.whole_numbers import read_whole_number
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
        """A study each; one that changed since is another part. Raises PeerFailed.

        An entry states the study's StudyInstanceUID, with which what comes is compared.
        """
        since, first_before = 0, ""
        while True:
            query = {"since": str(since), "limit": str(_STUDIES_AT_ONCE), "expand": ""}
            page = self._list("/studies", query)
            if not page or self._id(page[0]) == first_before:
                return
            first_before = self._id(page[0])
            for study in page:
                study_id, changed = self._id(study), self._last_update(study)
                fetch = partial(self._fetch, study_id, self._uid(study))
                yield Part(f"{study_id} {changed}", fetch)
            since += len(page)
            if since > _MOST_STUDIES:
                raise PeerFailed(f"{self} listed more than {_MOST_STUDIES} studies.")

    def close(self) -> None:
        self._archive.close()

    def _fetch(self, study_id: str, study_instance_uid: str, receiving: Receiving) -> None:
        listed = self._list(f"/studies/{study_id}/instances", {"expand": "false"})
        instances = list(dict.fromkeys(self._id(one) for one in listed))
        if not instances:
            raise PeerFailed(f"{self} listed a study without an instance.")
        receiving.expect_study(study_instance_uid)
        for instance_id in instances:
            receiving.begin(f"instance {instance_id}")
            try:
                path = f"/instances/{instance_id}/file"
                with self._archive.asked(path, "application/dicom") as answer:
                    for piece in flowing(answer):
                        receiving.write(piece)
                receiving.finish()
            finally:
                receiving.drop()
        # Counted afterwards: a study may have grown or shrunk meanwhile.
        stated = max(len(instances), self._count(study_id))
        if receiving.arrived < stated:
            raise PeerFailed(
                f"{self} listed {stated} instances of the study {study_instance_uid} and sent"
                f" {receiving.arrived} of them.",
                remedy="Its log says why; the next run asks for the study again.",
            )

    def _count(self, study_id: str) -> int:
        """What Orthanc counts itself; 0 where it does not say."""
        found = self._archive.json(f"/studies/{study_id}/statistics", {})
        stated = found.get("CountInstances") if isinstance(found, dict) else None
        return read_whole_number(str(stated)) or 0

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

    def _uid(self, study: dict[str, Any]) -> str:
        """Raises PeerFailed for a study without a valid one."""
        tags = study.get("MainDicomTags")
        found = tags.get("StudyInstanceUID") if isinstance(tags, dict) else None
        try:
            return check_uid(str(found or ""), "StudyInstanceUID")
        except InvalidInstance as error:
            raise PeerFailed(f"{self} listed a study without a valid StudyInstanceUID.") from error

    def _id(self, entry: Any) -> str:
        """Raises PeerFailed: what is no identifier would lead to another address."""
        found = entry.get("ID") if isinstance(entry, dict) else entry
        if not isinstance(found, str) or not _ID.fullmatch(found):
            raise PeerFailed(f"{self} listed something without an identifier.")
        return found
