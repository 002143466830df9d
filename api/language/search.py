"""Search by words and meaning over reports and findings, and reports alike beside a draft."""

from typing import Annotated, Literal

import numpy as np
from fastapi import Depends, Query, Request

from api.access.policy import READERS, policy
from api.audit.middleware import name_studies
from api.audit_rules import QUERY, RESULTS
from api.deps import StorageDep
from api.language.schemas import SearchHit, SearchResult, SimilarReport, SimilarReports
from api.parameters import ReportId, problems
from api.router_factory import new_router
from inference.language.embedding import embed
from inference.language.search import Hit, SearchIndex, open_index
from storage.core.entities import Study
from storage.core.errors import NotFound
from storage.index.repository import Index
from storage.search.passages import FINDING, REPORT

router = new_router(prefix="/api", tags=["language"])

Kind = Literal["report", "finding"]


def get_search_index(request: Request, storage: StorageDep) -> SearchIndex:
    """One a process: it may keep the vectors."""
    state = request.app.state
    if not hasattr(state, "search_index"):
        state.search_index = open_index(storage.passages)
    index: SearchIndex = state.search_index
    return index


SearchIndexDep = Annotated[SearchIndex, Depends(get_search_index)]


@router.get("/search", summary="Search reports and findings", responses=problems(503))
@policy(READERS, "api:read", QUERY)
def search_texts(
    request: Request,
    storage: StorageDep,
    index: SearchIndexDep,
    q: Annotated[
        str, Query(min_length=2, max_length=300, pattern=r"^[^\x00]*$", description="In words.")
    ],
    kind: Annotated[Kind | None, Query(description="Reports or findings alone.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SearchResult:
    """What answers by its words or by its meaning: "fluid around the lung" finds an effusion.

    A report is found once, by its best section, and those of one study follow each other. Where
    a sentence denies what is looked for, it comes after those that state it. Comparisons ("nodule
    over 8 mm") find the amounts that meet them.
    """
    answer = index.find(q, limit, [kind] if kind else [REPORT, FINDING])
    found = [_hit(storage.index, hit) for hit in answer.hits]
    name_studies(request, *dict.fromkeys(one.study_instance_uid for one in found))
    return SearchResult(
        items=found,
        searched=storage.passages.state()[0],
        waiting=storage.passages.waiting_count(),
        notes=["meaning_in_english_only"] if answer.question.is_german else [],
    )


@router.get(
    "/reports/{report_id}/similar",
    summary="Reports alike",
    responses=problems(404, 503),
)
@policy(READERS, "api:read", RESULTS)
def similar_reports(
    request: Request,
    storage: StorageDep,
    index: SearchIndexDep,
    report_id: ReportId,
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
) -> SimilarReports:
    """Of other studies, the most alike first; those of the same patient say so."""
    report = storage.reports.get(report_id)
    passages = storage.passages.of_subject(REPORT, report_id)
    if not passages:
        return SimilarReports(items=[])
    vector = embed([passage.text for passage, _ in passages]).mean(0)
    vector /= max(float(np.linalg.norm(vector)), 1e-9)
    hits = index.near(vector, 4 * limit, [REPORT], other_than=report.study_instance_uid)
    best: dict[str, Hit] = {}
    for hit in hits:
        best.setdefault(hit.passage.subject_id, hit)
    patient = storage.index.patient_key(report.study_instance_uid)
    items = [_similar(storage.index, hit, patient) for hit in list(best.values())[:limit]]
    name_studies(
        request, report.study_instance_uid, *dict.fromkeys(one.study_instance_uid for one in items)
    )
    return SimilarReports(items=items)


def _hit(index: Index, hit: Hit) -> SearchHit:
    passage = hit.passage
    study = _study(index, passage.study_instance_uid)
    return SearchHit(
        kind="report" if passage.kind == REPORT else "finding",
        report_id=passage.subject_id if passage.kind == REPORT else None,
        finding_id=passage.subject_id if passage.kind == FINDING else None,
        study_instance_uid=passage.study_instance_uid,
        patient_name=study.patient_name if study else "",
        study_date=study.study_date if study else "",
        study_description=study.study_description if study else "",
        modalities=list(study.modalities) if study else [],
        text=passage.text,
        sentence=hit.statement.sentence if hit.statement else "",
        status=hit.statement.status.value if hit.statement else "present",
        found_by="words" if hit.by_words else "meaning",
        score=round(hit.score, 4),
    )


def _similar(index: Index, hit: Hit, patient: str) -> SimilarReport:
    uid = hit.passage.study_instance_uid
    study = _study(index, uid)
    return SimilarReport(
        report_id=hit.passage.subject_id,
        study_instance_uid=uid,
        study_date=study.study_date if study else "",
        # An empty key tells nobody from others.
        same_patient=bool(patient) and index.patient_key(uid) == patient,
        text=hit.passage.text,
        score=round(hit.score, 4),
    )


def _study(index: Index, study_instance_uid: str) -> Study | None:
    """None where it is no longer here: words are found until they are embedded again."""
    try:
        return index.study(study_instance_uid)
    except NotFound:
        return None
