"""QIDO-RS: search for studies, series and instances (PS3.18 10.6)."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from api.dicomweb.deps import StorageDep
from api.dicomweb.header_fields import fill_from_headers
from api.dicomweb.lookups import service_url
from api.dicomweb.negotiation import DICOM_JSON, accepted, check_json
from api.dicomweb.query_parameters import SearchParameters, parse_search
from api.dicomweb.responses import accepts_gzip, gzip_bytes
from api.dicomweb.rows import RowWriter
from storage.attributes import LEVELS, Level, available_at
from storage.matching import Query, find
from storage.opening import Storage

router = APIRouter()

_GZIP_MIN_BYTES = 4096
# What a RetrieveURL is made of.
_UIDS = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"})

# What is returned without being asked for, by level (PS3.18 Tables 10.6.3-3 to 10.6.3-5).
# Descriptions, and what viewers list, are added since they cost nothing.
_STUDY_KEYWORDS = (
    "StudyDate StudyTime AccessionNumber ModalitiesInStudy ReferringPhysicianName PatientName"
    " PatientID IssuerOfPatientID PatientBirthDate PatientSex StudyInstanceUID StudyID"
    " StudyDescription NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances"
).split()
_SERIES_KEYWORDS = (
    "Modality SeriesDescription SeriesInstanceUID SeriesNumber NumberOfSeriesRelatedInstances"
    " SeriesDate SeriesTime PerformedProcedureStepStartDate PerformedProcedureStepStartTime"
    " BodyPartExamined"
).split()
_INSTANCE_KEYWORDS = (
    "SOPClassUID SOPInstanceUID InstanceNumber Rows Columns BitsAllocated NumberOfFrames"
    " AvailableTransferSyntaxUID"
).split()


@dataclass(frozen=True)
class _Search:
    level: Level
    path_keys: dict[str, str]
    """Fixed by the path of the request."""
    returned: tuple[str, ...]
    parents_shown: bool


@router.get("/studies")
def search_studies(request: Request, storage: StorageDep) -> Response:
    """Studies, the newest first."""
    return _search(request, storage, _Search("STUDY", {}, tuple(_STUDY_KEYWORDS), False))


@router.get("/studies/{study_instance_uid}/series")
def search_series_of_study(
    study_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """Series of one study."""
    keys = {"StudyInstanceUID": study_instance_uid}
    returned = ("StudyInstanceUID", *_SERIES_KEYWORDS)
    return _search(request, storage, _Search("SERIES", keys, returned, False))


@router.get("/series")
def search_series(request: Request, storage: StorageDep) -> Response:
    """Series of all studies, each with what is known of its study."""
    returned = (*_STUDY_KEYWORDS, *_SERIES_KEYWORDS)
    return _search(request, storage, _Search("SERIES", {}, returned, True))


@router.get("/studies/{study_instance_uid}/series/{series_instance_uid}/instances")
def search_instances_of_series(
    study_instance_uid: str, series_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """Instances of one series."""
    keys = {"StudyInstanceUID": study_instance_uid, "SeriesInstanceUID": series_instance_uid}
    returned = ("StudyInstanceUID", "SeriesInstanceUID", *_INSTANCE_KEYWORDS)
    return _search(request, storage, _Search("IMAGE", keys, returned, False))


@router.get("/studies/{study_instance_uid}/instances")
def search_instances_of_study(
    study_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """Instances of one study, each with what is known of its series."""
    keys = {"StudyInstanceUID": study_instance_uid}
    returned = ("StudyInstanceUID", *_SERIES_KEYWORDS, *_INSTANCE_KEYWORDS)
    return _search(request, storage, _Search("IMAGE", keys, returned, True))


@router.get("/instances")
def search_instances(request: Request, storage: StorageDep) -> Response:
    """Instances of all studies, each with what is known of its study and series."""
    returned = (*_STUDY_KEYWORDS, *_SERIES_KEYWORDS, *_INSTANCE_KEYWORDS)
    return _search(request, storage, _Search("IMAGE", {}, returned, True))


def _search(request: Request, storage: Storage, search: _Search) -> Response:
    check_json(accepted(request))
    asked = parse_search(request.query_params.multi_items())
    known = {attribute.keyword for attribute in available_at(search.level)}
    keywords = _returned(search, asked, known)
    query = Query(
        search.level,
        {**asked.keys, **search.path_keys},
        fuzzy=asked.fuzzy,
        returned=frozenset(keywords) | _UIDS & known,
    )
    # One row more than asked for tells whether anything remains.
    rows = list(find(storage.engine, query, asked.limit + 1, asked.offset))
    more = len(rows) > asked.limit
    rows = rows[: asked.limit]
    unknown = [keyword for keyword in asked.include if keyword not in known]
    writer = RowWriter(search.level, keywords, service_url(request, storage))
    extras = fill_from_headers(storage, search.level, rows, unknown) if unknown else None
    body = writer.body(rows, extras)
    headers = {"Vary": "Accept, Accept-Encoding", "Cache-Control": "private, no-cache"}
    warning = _warning(asked, search.level, more)
    if warning:
        headers["Warning"] = warning
    if len(body) >= _GZIP_MIN_BYTES and accepts_gzip(request):
        body = gzip_bytes(body)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=DICOM_JSON, headers=headers)


def _returned(search: _Search, asked: SearchParameters, known: set[str]) -> list[str]:
    """Keywords to return: those of the level, those included, those matched on."""
    if asked.include_all:
        return sorted(known)
    wanted = {*search.returned, *asked.include, *asked.keys, *search.path_keys}
    return sorted(wanted & known)


def _warning(asked: SearchParameters, level: Level, more: bool) -> str:
    """The standard's warning for what the answer leaves out (PS3.18 8.3.4.4, 10.6.1.3)."""
    levels = LEVELS[: LEVELS.index(level) + 1]
    matched = {a.keyword for a in available_at(level) if a.level in levels}
    ignored = sorted(keyword for keyword in asked.keys if keyword not in matched)
    sentences = []
    if more:
        sentences.append("There are additional results that can be requested with a higher offset")
    if ignored:
        sentences.append(f"These attributes were not matched on: {' '.join(ignored)}")
    return f'299 mediview "{". ".join(sentences)}"' if sentences else ""
