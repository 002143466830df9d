"""A DICOMweb archive: studies by QIDO-RS (PS3.18 10.6), instances by WADO-RS (PS3.18 10.4)."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from dicom_node.imports.http_archive import HttpArchive
from dicom_node.imports.receiving import Receiving
from dicom_node.imports.sources import Part
from dicom_node.network.multipart import NotMultipart, read_parts
from dicom_node.peers import PeerFailed
from storage.core.errors import InvalidInstance
from storage.core.uids import check_uid

_STUDIES_AT_ONCE = 200
_STUDY_INSTANCE_UID = "0020000D"
_NUMBER_OF_INSTANCES = "00201208"
_WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'


class DicomwebSource:
    def __init__(self, archive: HttpArchive, query: Mapping[str, str]) -> None:
        """`query`: what studies must match, by keyword, as QIDO-RS has it."""
        self._archive = archive
        self._query = query
        self.name = archive.host

    def __str__(self) -> str:
        return str(self._archive)

    def parts(self) -> Iterator[Part]:
        """A study each; one that has more instances than before is another part."""
        offset, first_before = 0, ""
        while True:
            page = self._archive.json(
                "/studies",
                {
                    **self._query,
                    "includefield": "NumberOfStudyRelatedInstances",
                    "limit": str(_STUDIES_AT_ONCE),
                    "offset": str(offset),
                },
                "application/dicom+json",
            )
            if not page:
                return
            if not isinstance(page, list):
                raise PeerFailed(f"{self} answered no list of studies.")
            if _uid(page[0]) == first_before:
                return  # It knows no offset, and answers all of them each time.
            first_before = _uid(page[0])
            for study in page:
                uid = _uid(study)
                count = _first(study, _NUMBER_OF_INSTANCES)
                yield Part(f"{uid} {count}", partial(self._fetch, uid))
            offset += len(page)

    def close(self) -> None:
        self._archive.close()

    def _fetch(self, study_instance_uid: str, receiving: Receiving) -> None:
        with self._archive.asked(f"/studies/{study_instance_uid}", _WHOLE) as answer:
            try:
                read_parts(
                    answer.headers.get("content-type", ""),
                    answer.iter_raw(),
                    begin=lambda: receiving.begin(f"of study {study_instance_uid}"),
                    write=receiving.write,
                    finish=receiving.finish,
                )
            except NotMultipart as error:
                raise PeerFailed(f"{self} answered {error} as a study.") from error
            finally:
                receiving.drop()
            if not receiving.counts.total:
                raise PeerFailed(f"{self} answered a study without an instance.")


def _uid(study: Any) -> str:
    """Raises PeerFailed: what is no UID would lead to another address."""
    try:
        return check_uid(str(_first(study, _STUDY_INSTANCE_UID)), "StudyInstanceUID")
    except InvalidInstance as error:
        raise PeerFailed("The archive listed a study without a valid StudyInstanceUID.") from error


def _first(dataset: Any, tag: str) -> Any:
    element = dataset.get(tag) if isinstance(dataset, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None
