"""Changes of patients: listed, undone, and made by hand: a study moved, two IDs linked."""

from typing import Annotated

from fastapi import Path, Query, Request

from api.access.actor import actor_of
from api.access.audited_changes import patient_change
from api.access.policy import ADMINS, policy
from api.access.principal import PrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import BY_ITSELF, QUERY
from api.deps import StorageDep
from api.lists.paging import PagingDep
from api.parameters import problems
from api.patient_identity.schemas import (
    ChangedStudies,
    FoundPatientPayload,
    FoundPatients,
    PatientChangePage,
    PatientChangePayload,
    PatientLink,
    PatientLookup,
    StudyMove,
    Undoing,
)
from api.router_factory import new_router
from dicom_node.patient_identity.entities import Traits
from storage.core.clock import utcnow
from storage.core.errors import StateConflict
from storage.patient_identity.entities import (
    ChangeKind,
    Demographics,
    Origin,
    PatientKey,
    Statement,
)
from storage.patient_identity.repository import Recorded

router = new_router(prefix="/api/patient-changes", tags=["patients"])

ChangeId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The change's id.")]


@router.get("", summary="List corrections, merges, links and moves, the newest first")
@policy(ADMINS, "admin", QUERY)
def list_patient_changes(
    request: Request,
    storage: StorageDep,
    paging: PagingDep,
    patient_id: Annotated[
        str, Query(max_length=64, description="Only those to or from this ID.")
    ] = "",
    kind: Annotated[ChangeKind | None, Query(description="Only those of this kind.")] = None,
) -> PatientChangePage:
    """What HL7 messages and administrators stated; those undone as well."""
    found, total = storage.patient_changes.page(paging.limit, paging.offset, patient_id, kind)
    patients = {key.patient_id for one in found for key in one.keys}
    name_studies(request, patients=tuple(sorted(patients)))
    items = [PatientChangePayload.model_validate(vars(one)) for one in found]
    return paging.page(PatientChangePage, items, total)


@router.post(
    "/moves",
    status_code=201,
    summary="Move a study to the patient to whom it belongs",
    responses=problems(401, 403, 404, 409, 422),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True)
def move_study(
    request: Request, principal: PrincipalDep, storage: StorageDep, wanted: StudyMove
) -> ChangedStudies:
    """Index, results and what leaves say so from now on; the stored bytes stay as they came."""
    statement = Statement(
        "move",
        PatientKey(wanted.patient_id, wanted.issuer_of_patient_id),
        Demographics(wanted.patient_name, wanted.patient_birth_date, wanted.patient_sex),
        study_instance_uid=wanted.study_instance_uid,
        site_issuer=storage.settings.patient_id_issuer,
    )
    origin = Origin(principal.name, principal.identity.id, reason=wanted.reason.strip())
    actor = actor_of(request.scope, principal)
    with patient_change(
        storage.audit, actor, "move", origin.reason, (wanted.patient_id,), wanted.study_instance_uid
    ):
        return _changed(storage.patient_changes.move(statement, origin, utcnow()))


@router.post(
    "/links",
    status_code=201,
    summary="Link two IDs of one patient",
    responses=problems(401, 403, 409, 422),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True)
def link_patients(
    request: Request, principal: PrincipalDep, storage: StorageDep, wanted: PatientLink
) -> ChangedStudies:
    """They count as one patient for priors, trends and search; both stay in use. Undoing the
    change takes the link away.
    """
    statement = Statement(
        "link",
        PatientKey(wanted.patient_id, wanted.issuer_of_patient_id),
        prior=PatientKey(wanted.other_patient_id, wanted.other_issuer_of_patient_id),
        site_issuer=storage.settings.patient_id_issuer,
    )
    origin = Origin(principal.name, principal.identity.id, reason=wanted.reason.strip())
    actor = actor_of(request.scope, principal)
    ids = (wanted.patient_id, wanted.other_patient_id)
    with patient_change(storage.audit, actor, "link", origin.reason, ids):
        recorded = storage.patient_changes.record([statement], origin, utcnow())
        if recorded is None or not recorded.change_ids:
            raise StateConflict(
                "The two IDs are linked already.", remedy="GET /api/v1/patient-changes lists links."
            )
    return _changed(recorded)


@router.post(
    "/lookups",
    summary="Look a patient up in the hospital's register",
    responses=problems(400, 401, 403, 422, 502),
)
@policy(ADMINS, "admin", QUERY, people_only=True)
def look_patients_up(request: Request, storage: StorageDep, wanted: PatientLookup) -> FoundPatients:
    """By IHE PDQ, from MEDIVIEW_PDQ_URL: 20 at most. A POST, so that no address names a patient."""
    # With what speaks FHIR and HL7, which no other route needs.
    from dicom_node.patient_identity.systems import demographics_supplier

    found = demographics_supplier(storage.settings).find(
        Traits(
            wanted.patient_id,
            wanted.issuer_of_patient_id,
            wanted.family_name,
            wanted.given_name,
            wanted.patient_birth_date,
            wanted.patient_sex,
        )
    )
    ids = {key.patient_id for one in found for key in one.keys}
    name_studies(request, patients=tuple(sorted(ids)))
    return FoundPatients(items=[FoundPatientPayload.of(one) for one in found])


@router.post(
    "/{change_id}/undo",
    summary="Undo a correction, a merge, a link or a move",
    responses=problems(401, 403, 404, 409, 422),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True)
def undo_patient_change(
    request: Request,
    principal: PrincipalDep,
    storage: StorageDep,
    change_id: ChangeId,
    wanted: Undoing,
) -> ChangedStudies:
    """Only this one: what came after it stays in force."""
    change = storage.patient_changes.get(change_id)
    origin = Origin(principal.name, principal.identity.id, reason=wanted.reason.strip())
    actor = actor_of(request.scope, principal)
    patients = tuple(sorted(key.patient_id for key in change.keys))
    with patient_change(
        storage.audit, actor, "undo", origin.reason, patients, change.study_instance_uid
    ):
        return _changed(storage.patient_changes.undo(change_id, origin, utcnow()))


def _changed(recorded: Recorded) -> ChangedStudies:
    return ChangedStudies(
        change_id=recorded.change_ids[0], study_instance_uids=list(recorded.study_instance_uids)
    )
