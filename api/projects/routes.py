"""Research projects for administrators: their studies, de-identified exports, and the way back."""

from functools import partial
from typing import Annotated

from fastapi import Path, Request, Response

from api.access.policy import ADMINS, policy
from api.access.principal import PrincipalDep
from api.audit.middleware import add_detail, name_studies
from api.audit_rules import UIDS_ALONE, Audited
from api.deps import SettingsDep, StorageDep
from api.lists.cursors import CursorPagingDep
from api.lists.paging import PagingDep
from api.parameters import StudyUid, problems
from api.projects.schemas import (
    AddedCount,
    AddedStudies,
    CohortConditions,
    ExportPage,
    ExportPayload,
    NewExport,
    NewProject,
    OriginalStudies,
    ProjectPage,
    ProjectPayload,
    ProjectStudyPage,
    Pseudonym,
    RefusedInstance,
    RefusedInstances,
)
from api.projects.serializers import (
    cohort_conditions,
    export_payload,
    project_payload,
    study_payload,
)
from api.router_factory import new_router
from inference.broker.notify import wake
from inference.projects.reidentification import reidentify
from inference.projects.selection import (
    NAME_PATTERN,
    add_studies,
    checked_split,
    cohort,
    create_project,
    preview,
)
from inference.projects.targets import WantedTarget, check_new
from storage.audit import Code
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.core.uids import check_uid
from storage.projects.entities import ProjectExport
from storage.projects.exports import NEWEST_EXPORTS, ProjectExports
from storage.projects.repository import BY_NAME, FIRST_ADDED, Projects

router = new_router(prefix="/api/projects", tags=["projects"])

Name = Annotated[str, Path(pattern=NAME_PATTERN, examples=["stroke-2026"])]
ExportId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The export's id.")]
_CREATED = Audited(Code.EXPORT, "C", with_change=True)
_CHANGED = Audited(Code.EXPORT, "U", with_change=True)
_DELETED = Audited(Code.EXPORT, "D", with_change=True)
_EXPORTED = Audited(Code.EXPORT, "E", with_change=True)
_REIDENTIFIED = Audited(Code.PATIENT_RECORD, "R")


@router.get("", summary="List the research projects")
@policy(ADMINS, "admin", UIDS_ALONE)
def list_projects(storage: StorageDep, paging: CursorPagingDep) -> ProjectPage:
    """By name."""
    found, total = storage.projects.page(paging.limit, paging.offset, beyond=paging.beyond(BY_NAME))
    items = [project_payload(one, storage.projects.studies(one, 0)[1]) for one in found]
    return paging.page_of(ProjectPage, items, total, found, BY_NAME)


@router.post("", status_code=201, summary="Create a project", responses=problems(400))
@policy(ADMINS, "admin", _CREATED)
def add_project(
    request: Request, principal: PrincipalDep, storage: StorageDep, wanted: NewProject
) -> ProjectPayload:
    """With a key of its own, of which its pseudonyms are made."""
    add_detail(request, project=wanted.name, options=[str(one) for one in wanted.options])
    split = wanted.split
    project = create_project(
        storage.projects,
        wanted.name,
        wanted.options,
        needs_consent=wanted.needs_consent,
        split=checked_split([split.train, split.validation, split.test]),
        created_by=principal.name,
        now=utcnow(),
    )
    return project_payload(project, 0)


@router.get("/{name}", summary="Show a project", responses=problems(404))
@policy(ADMINS, "admin", UIDS_ALONE)
def get_project(storage: StorageDep, name: Name) -> ProjectPayload:
    """Its key is never shown."""
    project = storage.projects.get(name)
    return project_payload(project, storage.projects.studies(project, 0)[1])


@router.delete("/{name}", status_code=204, summary="Delete a project", responses=problems(404))
@policy(ADMINS, "admin", _DELETED, confirmed_to="delete a project")
def delete_project(request: Request, storage: StorageDep, name: Name) -> Response:
    """With its key: nobody can re-identify what it exported any more."""
    add_detail(request, project=name)
    storage.projects.delete(storage.projects.get(name))
    return Response(status_code=204)


@router.get("/{name}/studies", summary="List a project's studies", responses=problems(404))
@policy(ADMINS, "admin", UIDS_ALONE)
def list_project_studies(
    storage: StorageDep, paging: CursorPagingDep, name: Name
) -> ProjectStudyPage:
    """In the order in which they were added."""
    project = storage.projects.get(name)
    studies = partial(storage.projects.studies, project)
    return paging.read(ProjectStudyPage, FIRST_ADDED, studies, partial(study_payload, project))


@router.post("/{name}/studies", summary="Add studies to a project", responses=problems(400, 404))
@policy(ADMINS, "admin", _CHANGED)
def add_project_studies(
    request: Request, principal: PrincipalDep, storage: StorageDep, name: Name, wanted: AddedStudies
) -> AddedCount:
    """Named ones, and all that meet the conditions now. Again: with the consent as stated now.

    `preview` counts them alone.
    """
    project = storage.projects.get(name)
    uids = [check_uid(one, "StudyInstanceUID") for one in wanted.study_instance_uids]
    if wanted.matching or not uids:
        conditions = wanted.matching or CohortConditions()
        uids += cohort(storage, *cohort_conditions(conditions))
    if wanted.preview:
        add_detail(request, project=name, preview="counted alone")
        counted = preview(storage.projects, project, uids)
        total = storage.projects.studies(project, 0)[1]
        return AddedCount(found=counted.found, added=counted.new, total=total)
    name_studies(request, *uids)
    add_detail(request, project=name, consent="recorded" if wanted.has_consent else "not recorded")
    added = add_studies(
        storage.projects,
        storage.index,
        project,
        uids,
        has_consent=wanted.has_consent,
        added_by=principal.name,
        now=utcnow(),
    )
    found = len(set(uids))
    return AddedCount(found=found, added=added, total=storage.projects.studies(project, 0)[1])


@router.delete(
    "/{name}/studies/{study_instance_uid}",
    status_code=204,
    summary="Take a study out of a project",
    responses=problems(404),
)
@policy(ADMINS, "admin", _CHANGED)
def delete_project_study(
    request: Request, storage: StorageDep, name: Name, study_instance_uid: StudyUid
) -> Response:
    """What was exported stays where it is."""
    add_detail(request, project=name)
    storage.projects.remove(storage.projects.get(name), study_instance_uid)
    return Response(status_code=204)


@router.get("/{name}/exports", summary="List a project's exports", responses=problems(404))
@policy(ADMINS, "admin", UIDS_ALONE)
def list_exports(storage: StorageDep, paging: CursorPagingDep, name: Name) -> ExportPage:
    """The newest first."""
    exports = storage.project_exports
    of_project = partial(exports.of_project, storage.projects.get(name))
    return paging.read(ExportPage, NEWEST_EXPORTS, of_project, partial(_payload, exports))


@router.post(
    "/{name}/exports", status_code=202, summary="Export a project", responses=problems(400, 404)
)
@policy(ADMINS, "admin", _EXPORTED, confirmed_to="export a project")
def add_export(
    request: Request,
    principal: PrincipalDep,
    storage: StorageDep,
    settings: SettingsDep,
    name: Name,
    wanted: NewExport,
) -> ExportPayload:
    """De-identified, checked, and with a signed certificate; it is done in the background."""
    project = storage.projects.get(name)
    check_new(storage, WantedTarget(wanted.destination, wanted.folder), wanted.format)
    studies, _ = storage.projects.studies(project)
    name_studies(request, *(one.study_instance_uid for one in studies))
    add_detail(
        request,
        project=name,
        folder=wanted.folder,
        destination=wanted.destination,
        format=wanted.format,
    )
    export = storage.project_exports.add(
        project, wanted.folder, principal.name, wanted.format, wanted.destination
    )
    wake(settings)
    return _payload(storage.project_exports, export)


@router.get(
    "/{name}/exports/{export_id}", summary="Show how far an export is", responses=problems(404)
)
@policy(ADMINS, "admin", UIDS_ALONE)
def get_export(storage: StorageDep, name: Name, export_id: ExportId) -> ExportPayload:
    """What left, what was refused, and why it stopped."""
    return _payload(
        storage.project_exports, _export(storage.project_exports, storage.projects, name, export_id)
    )


@router.get(
    "/{name}/exports/{export_id}/refused",
    summary="List the instances that did not leave",
    responses=problems(404),
)
@policy(ADMINS, "admin", UIDS_ALONE)
def list_refused(
    storage: StorageDep, paging: PagingDep, name: Name, export_id: ExportId
) -> RefusedInstances:
    """By their original UIDs, each with its reason, which never repeats what was found."""
    _export(storage.project_exports, storage.projects, name, export_id)
    found = storage.project_exports.instances(
        export_id, refused=True, limit=paging.limit, offset=paging.offset
    )
    items = [
        RefusedInstance(
            sop_instance_uid=one.sop_instance_uid,
            study_instance_uid=one.study_instance_uid,
            reason=one.reason,
        )
        for one in found
    ]
    total = storage.project_exports.counts(export_id).refused
    return paging.page(RefusedInstances, items, total)


@router.post(
    "/{name}/exports/{export_id}/retry",
    summary="Go on with an export that failed",
    responses=problems(404),
)
@policy(ADMINS, "admin", _EXPORTED, confirmed_to="export a project")
def retry_export(
    storage: StorageDep, settings: SettingsDep, name: Name, export_id: ExportId
) -> ExportPayload:
    """Where it stopped; one that is under way or finished stays as it is."""
    _export(storage.project_exports, storage.projects, name, export_id)
    export = storage.project_exports.retry(export_id)
    wake(settings)
    return _payload(storage.project_exports, export)


@router.post(
    "/{name}/reidentify", summary="Find who is behind a pseudonym", responses=problems(404)
)
@policy(ADMINS, "admin", _REIDENTIFIED, people_only=True)
def reidentify_pseudonym(
    request: Request, storage: StorageDep, name: Name, wanted: Pseudonym
) -> OriginalStudies:
    """Made again from the project's key; the answer is in the audit trail with the reason."""
    project = storage.projects.get(name)
    add_detail(request, project=name, pseudonym=wanted.pseudonym, reason=wanted.reason)
    found = reidentify(storage.projects, storage.index, project, wanted.pseudonym)
    name_studies(request, *found.study_instance_uids)
    return OriginalStudies(study_instance_uids=list(found.study_instance_uids))


def _export(
    project_exports: ProjectExports, projects: Projects, name: str, export_id: str
) -> ProjectExport:
    """Raises NotFound, also where it is of another project."""
    project, export = projects.get(name), project_exports.get(export_id)
    if export.project_id != project.project_id:
        raise NotFound(f"Project {name} has no export {export_id}.", remedy="Check the identifier.")
    return export


def _payload(exports: ProjectExports, export: ProjectExport) -> ExportPayload:
    return export_payload(export, exports.counts(export.export_id))
