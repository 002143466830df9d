"""Instances kept aside: another content came under a known UID. An administrator decides."""

from datetime import datetime
from io import BytesIO
from typing import Annotated, Any

from fastapi import Path, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, model_validator
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from api.access.policy import ADMINS, INTEGRATORS, policy
from api.audit.middleware import name_studies
from api.audit.rules import RESULTS, RETRIEVED, UIDS_ALONE, Audited
from api.base_schemas import Payload, RequestBody
from api.deps import StorageDep
from api.dicomweb.formats.dicom_json import dataset_to_json
from api.dicomweb.formats.json_values import JsonDataset
from api.parameters import Limit, Offset, binary, problems
from api.routing import new_router
from storage.audit import Code
from storage.core.entities import Instance
from storage.dicom.dataset_reader import read_part10
from storage.dicom.value_errors import DAMAGED
from storage.index.repository import Index
from storage.ingest.bulk_decisions import ConflictDecision, decide_all
from storage.ingest.conflicts import Conflict, Conflicts
from storage.integrity.instance_reader import InstanceReader

router = new_router(prefix="/api/conflicts", tags=["conflicts"])

ConflictId = Annotated[int, Path(ge=1, le=2**62, description="The conflict's number.")]

# Before the pixels; what lies beyond differs or not by the digest alone.
_HEADER_BYTES = 4 * 1024 * 1024
_MAX_DIFFERENCES = 200
_MAX_DECISIONS = 500


class ExistingInstance(Payload):
    """The instance that bears the UID, and that everybody finds under it."""

    study_instance_uid: str
    series_instance_uid: str
    patient_name: str
    patient_id: str
    source: str
    received_at: datetime
    size_bytes: int
    digest: str = Field(description="Of the data set, without its file meta: BLAKE3, or SHA-256.")


class ConflictPayload(Payload):
    conflict_id: int
    sop_instance_uid: str
    source: str = Field(description="How it came.", examples=["dimse:CT1", "stow"])
    received_at: datetime
    size_bytes: int
    digest: str = Field(description="Of the data set, without its file meta: BLAKE3, or SHA-256.")
    existing: ExistingInstance | None = Field(description="null where it was deleted meanwhile.")
    held: ExistingInstance | None = Field(
        description="The former name of `existing`.", deprecated=True
    )


class ConflictPage(Payload):
    items: list[ConflictPayload]
    total: int
    limit: int
    offset: int


class Difference(Payload):
    """One attribute that the two do not share; both as DICOM JSON (PS3.18 F), null: absent."""

    tag: str = Field(examples=["00100010"])
    keyword: str = Field(examples=["PatientName"])
    existing: dict[str, Any] | None
    held: dict[str, Any] | None = Field(
        description="The former name of `existing`.", deprecated=True
    )
    other: dict[str, Any] | None


class ConflictDetail(ConflictPayload):
    differences: list[Difference] = Field(
        description=f"In the header, at most {_MAX_DIFFERENCES}; none: pixels differ alone."
    )
    readable: bool = Field(description="Whether both headers could be compared.")


class ConflictDecisionRequest(RequestBody):
    """One decision for many conflicts: those that are named, or all of a study or a source."""

    decision: ConflictDecision = Field(
        description="`accept` puts what came later in the place of what is stored; `discard`"
        " keeps what is stored."
    )
    conflict_ids: list[int] = Field(default=[], max_length=_MAX_DECISIONS)
    study_instance_uid: str = Field(default="", max_length=64)
    source: str = Field(default="", max_length=128, examples=["dimse:CT1"])

    @model_validator(mode="after")
    def _names_something(self) -> "ConflictDecisionRequest":
        if not (self.conflict_ids or self.study_instance_uid or self.source):
            raise ValueError("Name conflict_ids, study_instance_uid or source.")
        return self


class LeftConflict(Payload):
    conflict_id: int
    reason: str


class ConflictDecisions(Payload):
    decided: list[int] = Field(description="The numbers of the conflicts that are decided now.")
    left: list[LeftConflict] = Field(description="Those that could not be decided this way.")
    gone: list[int] = Field(
        description="Those that no longer wait: somebody else has decided them, or the content they"
        " were about is deleted."
    )
    waiting: int = Field(description="How many conflicts there are still, of all.")


@router.get("")
@policy(INTEGRATORS, "api:read", UIDS_ALONE)
def list_conflicts(
    request: Request, storage: StorageDep, limit: Limit = 100, offset: Offset = 0
) -> ConflictPage:
    """What is kept aside, the newest first, with the patient of what is stored."""
    found, total = storage.conflicts.page(limit, offset)
    existing = [storage.conflicts.existing(one) for one in found]
    name_studies(request, *dict.fromkeys(one.study_instance_uid for one in existing if one))
    items = [_payload(storage.index, *pair) for pair in zip(found, existing, strict=True)]
    return ConflictPage(items=items, total=total, limit=limit, offset=offset)


@router.post("/decisions", responses=problems(503, 507))
@policy(ADMINS, "admin", Audited(Code.INSTANCES_ACCESSED, "U", with_change=True))
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
        limit=_MAX_DECISIONS,
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
    ours = _header(_existing_bytes(storage.instances, existing)) if existing is not None else None
    theirs = _header(b"".join(_first(storage.conflicts, conflict)))
    readable = ours is not None and theirs is not None
    return ConflictDetail(
        **_payload(storage.index, conflict, existing).model_dump(),
        differences=_differences(ours or {}, theirs or {}) if readable else [],
        readable=readable,
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
    headers = {"Content-Length": str(conflict.size_bytes)}
    return StreamingResponse(
        storage.conflicts.pieces(conflict), media_type="application/dicom", headers=headers
    )


@router.post("/{conflict_id}/accept", responses=problems(404, 503, 507))
@policy(ADMINS, "admin", Audited(Code.INSTANCES_ACCESSED, "U", with_change=True))
def accept_conflict(
    request: Request, conflict_id: ConflictId, storage: StorageDep
) -> ConflictPayload:
    """Put it in the place of the instance that is stored, which is deleted.

    The series is completed again, so that its results are made again; other
    conflicts under the same UID are removed with the instance that was stored.
    """
    _name_study(request, storage.conflicts.existing(storage.conflicts.get(conflict_id)))
    conflict = storage.conflicts.accept(conflict_id)
    existing = storage.conflicts.existing(conflict)
    return _payload(storage.index, conflict, existing)


@router.delete("/{conflict_id}", status_code=204, responses=problems(404))
@policy(ADMINS, "admin", Audited(Code.INSTANCES_ACCESSED, "D", with_change=True))
def discard_conflict(request: Request, conflict_id: ConflictId, storage: StorageDep) -> Response:
    """Let it go; the instance that is stored stays."""
    _name_study(request, storage.conflicts.existing(storage.conflicts.get(conflict_id)))
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


def _first(conflicts: Conflicts, conflict: Conflict) -> list[bytes]:
    pieces, size_bytes = [], 0
    for piece in conflicts.pieces(conflict):
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes >= _HEADER_BYTES:
            break
    return pieces


def _existing_bytes(instances: InstanceReader, existing: Instance) -> bytes:
    return instances.read(existing, 0, _HEADER_BYTES)


def _header(part10: bytes) -> JsonDataset | None:
    """The header in the JSON model, None where it cannot be read."""
    try:
        dataset: Dataset = read_part10(BytesIO(part10), stop_before_pixels=True)
        return dataset_to_json(dataset)
    except DAMAGED:
        return None


def _differences(ours: JsonDataset, theirs: JsonDataset) -> list[Difference]:
    tags = [tag for tag in sorted({*ours, *theirs}) if ours.get(tag) != theirs.get(tag)]
    return [
        Difference(
            tag=tag,
            keyword=keyword_for_tag(int(tag, 16)),
            existing=_shown(ours.get(tag)),
            held=_shown(ours.get(tag)),
            other=_shown(theirs.get(tag)),
        )
        for tag in tags[:_MAX_DIFFERENCES]
    ]


def _shown(element: dict[str, Any] | None) -> dict[str, Any] | None:
    """Without binary values, which say nothing to people."""
    if element is None or "InlineBinary" not in element:
        return element
    return {"vr": element["vr"]}
