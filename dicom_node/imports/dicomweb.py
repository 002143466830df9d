"""The studies of a DICOMweb archive as parts of an import."""

from collections.abc import Iterator, Mapping
from functools import partial

from dicom_node.archives.archive import Found
from dicom_node.archives.dicomweb import DicomwebArchive
from dicom_node.archives.http_archive import HttpArchive
from dicom_node.archives.receiving import Receiving
from dicom_node.imports.matching import check_study_keys
from dicom_node.imports.sources import Part, fetch_whole
from dicom_node.peers import PeerFailed
from storage.core.errors import InvalidInstance
from storage.core.uids import check_uid


class DicomwebSource:
    def __init__(self, archive: HttpArchive, query: Mapping[str, str]) -> None:
        """`query`: what studies must match, by keyword, as QIDO-RS has it.

        Raises InvalidRequest.
        """
        self._archive = DicomwebArchive(archive)
        self._query = check_study_keys(query)
        self.name = archive.host

    def __str__(self) -> str:
        return str(self._archive)

    def parts(self) -> Iterator[Part]:
        """A study each; one that has more instances than before is another part."""
        for page in self._archive.pages(self._query):
            for study in page:
                uid = _uid(study)
                count = study.text("NumberOfStudyRelatedInstances") or None
                yield Part(f"{uid} {count}", partial(self._fetch, uid, study.instance_count))

    def close(self) -> None:
        self._archive.close()

    def _fetch(self, study_instance_uid: str, stated: int, receiving: Receiving) -> None:
        fetch_whole(
            self,
            self._archive,
            study_instance_uid,
            stated,
            receiving,
            "answered a part of a study, as it says itself (HTTP 206).",
        )


def _uid(study: Found) -> str:
    """Raises PeerFailed: what is no UID would lead to another address."""
    try:
        return check_uid(study.study_instance_uid, "StudyInstanceUID")
    except InvalidInstance as error:
        raise PeerFailed("The archive listed a study without a valid StudyInstanceUID.") from error
