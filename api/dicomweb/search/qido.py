"""QIDO-RS: search for studies, series and instances (PS3.18 10.6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import Request, Response
from sqlalchemy import Engine

from api.access.policy import READERS, policy
from api.audit_rules import QUERY
from api.dicomweb.deps import StorageDep
from api.dicomweb.formats.held_answers import held_answer
from api.dicomweb.formats.negotiation import DICOM_JSON, DICOM_XML, accepted, choose_model
from api.dicomweb.formats.responses import accepts_gzip, gzip_bytes
from api.dicomweb.formats.xml_answers import xml_answer
from api.dicomweb.lookups import service_url
from api.dicomweb.query_names import reads_own_query
from api.dicomweb.routing import dicomweb_router
from api.dicomweb.search.header_fields import (
    REQUIRED_OF_SERIES,
    can_match,
    can_return,
    fields_of,
    fill_from_headers,
    matching_rows,
)
from api.dicomweb.search.query_parameters import SearchParameters, parse_search
from api.dicomweb.search.rows import RowWriter
from api.request_rules.warning_header import warning_of
from storage.container.has import HasDamaged, HasEngine, HasIndex, HasInstances, HasSettings
from storage.index.matching.attributes import LEVELS, Kind, Level, available_at
from storage.index.matching.dicom_query import Query, find
from storage.index.matching.header_matching import MAX_ROWS
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

router = dicomweb_router()

_GZIP_MIN_BYTES = 4096
# Of one study, a header of each is read once for what the standard wants and the index has not.
_MAX_SERIES_READ = 200
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
@policy(READERS, "dicomweb:read", QUERY)
@reads_own_query
def search_studies(request: Request, storage: StorageDep) -> Response:
    """Studies, the newest first."""
    return _search(request, storage, _Search("STUDY", {}, tuple(_STUDY_KEYWORDS), False))


@router.get("/studies/{study_instance_uid}/series")
@policy(READERS, "dicomweb:read", QUERY)
@reads_own_query
def search_series_of_study(
    study_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """Series of one study."""
    keys = {"StudyInstanceUID": study_instance_uid}
    returned = ("StudyInstanceUID", *_SERIES_KEYWORDS)
    return _search(request, storage, _Search("SERIES", keys, returned, False))


@router.get("/series")
@policy(READERS, "dicomweb:read", QUERY)
@reads_own_query
def search_series(request: Request, storage: StorageDep) -> Response:
    """Series of all studies, each with what is known of its study."""
    returned = (*_STUDY_KEYWORDS, *_SERIES_KEYWORDS)
    return _search(request, storage, _Search("SERIES", {}, returned, True))


@router.get("/studies/{study_instance_uid}/series/{series_instance_uid}/instances")
@policy(READERS, "dicomweb:read", QUERY)
@reads_own_query
def search_instances_of_series(
    study_instance_uid: str, series_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """Instances of one series."""
    keys = {"StudyInstanceUID": study_instance_uid, "SeriesInstanceUID": series_instance_uid}
    returned = ("StudyInstanceUID", "SeriesInstanceUID", *_INSTANCE_KEYWORDS)
    return _search(request, storage, _Search("IMAGE", keys, returned, False))


@router.get("/studies/{study_instance_uid}/instances")
@policy(READERS, "dicomweb:read", QUERY)
@reads_own_query
def search_instances_of_study(
    study_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """Instances of one study, each with what is known of its series."""
    keys = {"StudyInstanceUID": study_instance_uid}
    returned = ("StudyInstanceUID", *_SERIES_KEYWORDS, *_INSTANCE_KEYWORDS)
    return _search(request, storage, _Search("IMAGE", keys, returned, True))


@router.get("/instances")
@policy(READERS, "dicomweb:read", QUERY)
@reads_own_query
def search_instances(request: Request, storage: StorageDep) -> Response:
    """Instances of all studies, each with what is known of its study and series."""
    returned = (*_STUDY_KEYWORDS, *_SERIES_KEYWORDS, *_INSTANCE_KEYWORDS)
    return _search(request, storage, _Search("IMAGE", {}, returned, True))


class SearchStorage(HasSettings, HasEngine, HasIndex, HasInstances, HasDamaged, Protocol):
    """What of the storage layer is searched."""


def _search(request: Request, storage: SearchStorage, search: _Search) -> Response:
    model = choose_model(accepted(request))
    asked = parse_search(request.query_params.multi_items())
    known = {attribute.keyword for attribute in available_at(search.level)}
    keywords = _returned(search, asked, known)
    index, instances = storage.index, storage.instances
    found = _find(
        storage.engine, index, instances, search, asked, frozenset(keywords) | _UIDS & known
    )
    root_url = service_url(request, storage.settings)
    writer = RowWriter(search.level, keywords, root_url, storage.damaged.known.availability_of)
    extras, left_out = _extras(index, instances, search, found.rows, asked, known)
    warnings = [*found.warnings, *left_out, *_fuzzy_warnings(asked)]
    headers = {"Vary": "Accept, Accept-Encoding", "Cache-Control": "no-store"}
    if warnings:
        headers["Warning"] = ", ".join(warning_of(root_url, sentence) for sentence in warnings)
    if model == DICOM_XML:
        return xml_answer(writer.datasets(found.rows, extras), headers)
    body = writer.body(found.rows, extras)
    if len(body) >= _GZIP_MIN_BYTES and accepts_gzip(request):
        body = gzip_bytes(body)
        headers["Content-Encoding"] = "gzip"
    return held_answer(body, DICOM_JSON, headers)


def _returned(search: _Search, asked: SearchParameters, known: set[str]) -> list[str]:
    """Keywords to return: those of the level, those included, those matched on."""
    if asked.include_all:
        return sorted(known)
    wanted = {*search.returned, *asked.include, *asked.keys, *search.path_keys}
    return sorted(wanted & known)


@dataclass(frozen=True)
class _Found:
    rows: list[Mapping[str, Any]]
    warnings: list[str]


def _find(
    engine: Engine,
    index: Index,
    instances: InstanceReader,
    search: _Search,
    asked: SearchParameters,
    returned: frozenset[str],
) -> _Found:
    """One page of matches, and the warnings about it (PS3.18 8.3.4.4, 10.6.1.3)."""
    query = Query(
        search.level, {**asked.keys, **search.path_keys}, fuzzy=asked.fuzzy, returned=returned
    )
    others = _beyond_the_index(search.level, asked.keys)
    by_header = {name: text for name, text in others.items() if can_match(search.level, name)}
    ignored = sorted(others.keys() - by_header.keys())
    warnings = []
    if by_header:
        candidates = list(find(engine, query, MAX_ROWS + 1))
        if len(candidates) <= MAX_ROWS:
            matched = matching_rows(index, instances, search.level, candidates, by_header)
            rows = matched[asked.offset : asked.offset + asked.limit + 1]
        else:
            ignored = sorted(others)
            warnings.append(
                f"More than {MAX_ROWS} results fit the other keys: narrow the search by them"
            )
            by_header = {}
    if not by_header:
        # One row more than asked for tells whether anything remains.
        rows = list(find(engine, query, asked.limit + 1, asked.offset))
    if ignored:
        warnings.append(f"These attributes were not matched on: {' '.join(ignored)}")
    if len(rows) > asked.limit:
        warnings.append(
            "The number of results exceeded the maximum supported by the server."
            " Additional results can be requested with a higher offset"
            if asked.capped
            else "There are additional results that can be requested with a higher offset"
        )
    return _Found(rows[: asked.limit], warnings)


def _beyond_the_index(level: Level, keys: Mapping[str, str]) -> dict[str, str]:
    """Keys that mean something and that the index does not match on."""
    levels = LEVELS[: LEVELS.index(level) + 1]
    matched = {
        attribute.keyword
        for attribute in available_at(level)
        if attribute.level in levels and attribute.kind is not Kind.COUNT
    }
    # An empty key, or one of asterisks alone, matches everything (PS3.4 C.2.2.2.3).
    return {name: text for name, text in keys.items() if name not in matched and text.strip(" *")}


def _extras(
    index: Index,
    instances: InstanceReader,
    search: _Search,
    rows: Sequence[Mapping[str, Any]],
    asked: SearchParameters,
    known: set[str],
) -> tuple[list[bytes] | None, list[str]]:
    """What only the data sets hold of each row, as JSON, and the warnings about it."""
    level = search.level
    names = list(dict.fromkeys([*asked.include, *asked.keys]))
    if level == "SERIES" and search.path_keys and len(rows) <= _MAX_SERIES_READ:
        names += REQUIRED_OF_SERIES
    if asked.include_all:
        names += fields_of(level)
    unknown = [name for name in names if name not in known]
    left_out = [name for name in unknown if not can_return(level, name) and name in asked.include]
    names = [name for name in unknown if can_return(level, name)]
    warnings = []
    if left_out:
        warnings.append(f"These attributes are not of a study: {' '.join(sorted(left_out))}")
    everything = asked.include_all and level == "IMAGE"
    if not names and not everything:
        return None, warnings
    if len(rows) > MAX_ROWS:
        sentence = f"Attributes beyond the index are returned of at most {MAX_ROWS} results"
        return None, [*warnings, sentence]
    extras, omitted_count = fill_from_headers(
        index, instances, level, rows, names, everything=everything
    )
    if omitted_count:
        warnings.append(
            f"The last {omitted_count} results have what the index knows alone, as attributes"
            " beyond it would make the answer too long: search for fewer"
        )
    return extras, warnings


def _fuzzy_warnings(asked: SearchParameters) -> list[str]:
    names = ("PatientName", "ReferringPhysicianName")
    literal = any(set(asked.keys.get(name, "")) & set("*?") for name in names)
    if asked.fuzzy and literal:
        return ["Names with wildcards were matched literally in spite of fuzzymatching"]
    return []
