"""Instances kept aside: another content came under a known UID. An administrator decides."""

from typing import Annotated

from fastapi import Path, Request, Response
from fastapi.responses import StreamingResponse

from api.access.policy import ADMINS, INTEGRATORS, policy
from api.audit.middleware import name_studies
from api.audit_rules import RESULTS, RETRIEVED, UIDS_ALONE, Audited
from api.deps import StorageDep
from api.lists.cursors import CursorPagingDep
from api.parameters import binary, problems
from api.router_factory import new_router
from api.studies.conflicts.comparison import differences_of
from api.studies.conflicts.schemas import (
    MAX_DECISIONS,
    ConflictDecisionRequest,
    ConflictDecisions,
    ConflictDetail,
    ConflictPage,
    ConflictPayload,
    ExistingInstance,
    LeftConflict,
)
from storage.audit import Code
from storage.core.entities import Instance
from storage.index.repository import Index
from storage.ingest.bulk_decisions import decide_all
from storage.ingest.conflict_bytes import Conflict
from storage.ingest.conflicts import NEWEST_CONFLICTS

router = new_router(prefix="/api/conflicts", tags=["conflicts"])

ConflictId = Annotated[int, Path(ge=1, le=2**62, description="The conflict's number.")]


@router.get("")
@policy(INTEGRATORS, "api:read", UIDS_ALONE)
def list_conflicts(request: Request, storage: StorageDep, paging: CursorPagingDep) -> ConflictPage:
    """What is kept aside, the newest first, with the patient of what is stored."""
    found, total = storage.conflicts.page(
        paging.limit, paging.offset, beyond=paging.beyond(NEWEST_CONFLICTS)
    )
    existing = [storage.conflicts.existing(one) for one in found]
    name_studies(request, *dict.fromkeys(one.study_instance_uid for one in existing if one))
    items = [_payload(storage.index, *pair) for pair in zip(found, existing, strict=True)]
    return paging.page_of(ConflictPage, items, total, found, NEWEST_CONFLICTS)


@router.post("/decisions", responses=problems(503, 507))
@policy(
    ADMINS,
    "admin",
    Audited(Code.INSTANCES_ACCESSED, "U", with_change=True),
    confirmed_to="decide on conflicts",
)
def decide_conflicts(
    request: Request, wanted: ConflictDecisionRequest, storage: StorageDep
) -> ConflictDecisions:
    """Decide many at once, at most 500 a request: ask again while some are waiting.

    Where several contents wait under one UID, none of them is accepted.
    """
    conflicts = storage.conflicts
    chosen = conflicts.waiting(
        conflict_ids=wanted.conflict_ids,
        study_instance_uid=wanted.study_instance_uid,
        source=wanted.source,
        limit=MAX_DECISIONS,
    )
    existing = [conflicts.existing(one) for one in chosen]
    name_studies(request, *dict.fromkeys(one.study_instance_uid for one in existing if one))
    done = decide_all(conflicts, chosen, wanted.decision)
    by_number_alone = not (wanted.study_instance_uid or wanted.source)
    named = set(wanted.conflict_ids) if by_number_alone else set[int]()
    return ConflictDecisions(
        decided=done.conflict_ids,
        left=[LeftConflict(conflict_id=one, reason=why) for one, why in done.left.items()],
        gone=sorted(named - {one.conflict_id for one in chosen} | set(done.gone)),
        waiting=conflicts.page(1, 0)[1],
    )


@router.get("/{conflict_id}", responses=problems(404))
@policy(INTEGRATORS, "api:read", RESULTS)
def get_conflict(request: Request, conflict_id: ConflictId, storage: StorageDep) -> ConflictDetail:
    """One of them, and in what it differs from the instance that is stored."""
    conflict = storage.conflicts.get(conflict_id)
    existing = storage.conflicts.existing(conflict)
    _name_study(request, existing)
    differences = differences_of(storage.conflicts, storage.instances, conflict, existing)
    return ConflictDetail(
        **_payload(storage.index, conflict, existing).model_dump(),
        differences=differences or [],
        readable=differences is not None,
    )


@router.get(
    "/{conflict_id}/file",
    response_class=Response,
    responses={
        **binary("application/dicom"),
        **problems(404),
    },
)
@policy(ADMINS, "admin", RETRIEVED)
def download_conflict(
    request: Request, conflict_id: ConflictId, storage: StorageDep
) -> StreamingResponse:
    """The part 10 file that was kept aside, byte for byte."""
    conflict = storage.conflicts.get(conflict_id)
    _name_study(request, storage.conflicts.existing(conflict))
    # Whether it can be read is known before the status is sent.
    pieces = storage.conflicts.pieces(conflict)
    headers = {"Content-Length": str(conflict.size_bytes)}
    return StreamingResponse(pieces, media_type="application/dicom", headers=headers)


@router.post("/{conflict_id}/accept", responses=problems(404, 503, 507))
@policy(
    ADMINS,
    "admin",
    Audited(Code.INSTANCES_ACCESSED, "U", with_change=True),
    confirmed_to="decide on conflicts",
)
def accept_conflict(
    request: Request, conflict_id: ConflictId, storage: StorageDep
) -> ConflictPayload:
    """Put it in the place of the instance that is stored, which is deleted.

    The series is completed again, so that its results are made again; other
    conflicts under the same UID are removed with the instance that was stored.
    """
    _name_study(request, storage.conflicts.existing(storage.conflicts.to_decide(conflict_id)))
    conflict = storage.conflicts.accept(conflict_id)
    existing = storage.conflicts.existing(conflict)
    return _payload(storage.index, conflict, existing)


@router.delete("/{conflict_id}", status_code=204, responses=problems(404))
@policy(
    ADMINS,
    "admin",
    Audited(Code.INSTANCES_ACCESSED, "D", with_change=True),
    confirmed_to="decide on conflicts",
)
def discard_conflict(request: Request, conflict_id: ConflictId, storage: StorageDep) -> Response:
    """Let it go; the instance that is stored stays."""
    _name_study(request, storage.conflicts.existing(storage.conflicts.to_decide(conflict_id)))
    storage.conflicts.discard(conflict_id)
    return Response(status_code=204)


def _name_study(request: Request, existing: Instance | None) -> None:
    """For the audit trail: the path names the conflict alone."""
    if existing is not None:
        name_studies(request, existing.study_instance_uid)


def _payload(index: Index, conflict: Conflict, existing: Instance | None) -> ConflictPayload:
    study = existing.study_instance_uid if existing is not None else ""
    name, patient_id = index.patients_of([study]).get(study, ("", ""))
    shown = existing and ExistingInstance(
        study_instance_uid=existing.study_instance_uid,
        series_instance_uid=existing.series_instance_uid,
        patient_name=name,
        patient_id=patient_id,
        source=existing.source,
        received_at=existing.received_at,
        size_bytes=existing.size_bytes,
        digest=existing.digest,
    )
    return ConflictPayload(
        conflict_id=conflict.conflict_id,
        sop_instance_uid=conflict.sop_instance_uid,
        source=conflict.source,
        received_at=conflict.received_at,
        size_bytes=conflict.size_bytes,
        digest=conflict.digest,
        existing=shown,
        held=shown,
    )
