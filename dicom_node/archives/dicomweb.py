"""An archive that speaks DICOMweb: QIDO-RS (PS3.18 10.6) and WADO-RS (PS3.18 10.4)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydicom.datadict import keyword_for_tag

from dicom_node.archives.archive import (
    SERIES_KEYWORDS,
    STUDY_KEYWORDS,
    Fetched,
    Found,
    FoundStudies,
    Progress,
)
from dicom_node.archives.http_archive import HttpArchive, Query
from dicom_node.archives.receiving import Receiving
from dicom_node.archives.studies import distinct_studies
from dicom_node.network.multipart import NotMultipart, read_parts
from dicom_node.peers import PeerFailed
from storage.http.client import flowing

_AT_ONCE = 200
# Of the studies of a patient together: some hundred times what they state.
_MOST_BYTES = 8 << 20
# What Python takes for a value beside its text.
_VALUE_BYTES = 100
_KEYWORDS = frozenset({*STUDY_KEYWORDS, *SERIES_KEYWORDS})
_PARTIAL = 206
_DICOM_JSON = "application/dicom+json"
_WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
# One parameter each (PS3.18 8.3.4.3): not everybody reads a comma that is percent-encoded.
_INCLUDED = ("IssuerOfPatientID", "StudyDescription", "NumberOfStudyRelatedInstances")
_INCLUDED_OF_SERIES = ("BodyPartExamined", "SeriesDescription", "ProtocolName")


class DicomwebArchive:
    def __init__(self, archive: HttpArchive) -> None:
        self._archive = archive

    def __str__(self) -> str:
        return str(self._archive)

    def studies(self, keys: Mapping[str, str], at_most: int) -> FoundStudies:
        found: list[Found] = []
        size_bytes = 0
        for page in self.pages(keys):
            size_bytes += sum(map(_size_of, page))
            if size_bytes > _MOST_BYTES:
                raise PeerFailed(
                    f"{self} listed studies with more than {_MOST_BYTES} bytes of attributes.",
                    remedy="Check the archive; a study states few short values.",
                )
            found += page
            if len(found) > at_most:
                return FoundStudies(distinct_studies(found[:at_most]), False)
        return FoundStudies(distinct_studies(found), True)

    def pages(self, keys: Mapping[str, str]) -> Iterator[list[Found]]:
        """All studies that match, some at a time, as the archive lists them."""
        offset, first_before = 0, ""
        while True:
            query: Query = {
                **keys,
                "includefield": _INCLUDED,
                "limit": str(_AT_ONCE),
                "offset": str(offset),
            }
            page = self._list("studies", "/studies", query)
            # Some know no offset, and answer all of them each time.
            if not page or page[0].study_instance_uid == first_before:
                return
            first_before = page[0].study_instance_uid
            yield page
            offset += len(page)

    def series(self, study_instance_uid: str) -> Sequence[Found]:
        path = f"/studies/{study_instance_uid}/series"
        return self._list("series", path, {"includefield": _INCLUDED_OF_SERIES})

    def fetch(
        self, study_instance_uid: str, receiving: Receiving, on_progress: Progress
    ) -> Fetched:
        def finish() -> None:
            receiving.finish()
            on_progress(receiving.counts.total, 0)

        with self._archive.asked(f"/studies/{study_instance_uid}", _WHOLE) as answer:
            # Some of it could not be answered (PS3.18 Table 10.4.3-1); nobody says how much.
            missing = int(answer.status_code == _PARTIAL)
            try:
                read_parts(
                    answer.headers.get("content-type", ""),
                    flowing(answer),
                    begin=lambda: receiving.begin(f"of study {study_instance_uid}"),
                    write=receiving.write,
                    finish=finish,
                )
            except NotMultipart as error:
                raise PeerFailed(f"{self} answered {error} as a study.") from error
            finally:
                receiving.drop()
        if not receiving.counts.total:
            raise PeerFailed(f"{self} answered a study without an instance.")
        return Fetched("WADO-RS", receiving.counts.total, missing)

    def close(self) -> None:
        self._archive.close()

    def _list(self, what: str, path: str, query: Query) -> list[Found]:
        page = self._archive.json(path, query, _DICOM_JSON)
        if not page:
            return []
        if not isinstance(page, list):
            raise PeerFailed(f"{self} answered no list of {what}.")
        return [_found(one) for one in page]


def _found(dataset: Any) -> Found:
    """Of a data set in the DICOM JSON Model (PS3.18 annex F); what is none states nothing."""
    values = {}
    for tag, element in dataset.items() if isinstance(dataset, dict) else ():
        stated = element.get("Value") if isinstance(element, dict) else None
        try:
            keyword = keyword_for_tag(int(tag, 16))
        except (TypeError, ValueError):
            continue
        if keyword in _KEYWORDS and isinstance(stated, list):
            texts = (_text(one) for one in stated)
            values[keyword] = tuple(text for text in texts if text)
    return Found(values)


def _size_of(found: Found) -> int:
    texts = [text for values in found.attributes.values() for text in values]
    return sum(map(len, texts)) + len(texts) * _VALUE_BYTES


def _text(value: Any) -> str:
    """A value as text; of a person name its first representation."""
    if isinstance(value, dict):
        value = value.get("Alphabetic") or value.get("Ideographic") or ""
    return str(value).strip() if isinstance(value, str | int | float) else ""
