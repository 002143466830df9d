"""The routes of FHIR: metadata, and read and search of each resource."""

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import Path, Request, Response

from api.access.policy import ADMINS, ANYONE, READERS, policy
from api.audit.middleware import name_studies
from api.audit_rules import PUBLIC, QUERY, READ, Audited
from api.deps import StorageDep
from api.errors import ApiProblem
from api.fhir import audit_event, device, diagnostic_report, imaging_study, observation
from api.fhir.capability import capability_statement
from api.fhir.includes import INCLUDES, included, studies_of
from api.fhir.resources import AuditEvent, Bundle, CapabilityStatement
from api.fhir.responses import answer, bundle
from api.fhir.routing import fhir_router, read_by, searched_by
from api.fhir.search.conditions import conditions, order
from api.fhir.search.parameters import SearchParameters
from api.fhir.search.references import relative
from inference.fhir.diagnostic_report import diagnostic_report as report_resource
from inference.fhir.heat_maps import findings_of, with_heat_maps
from inference.fhir.imaging_study import imaging_study as study_resource
from inference.fhir.observation import observation as finding_resource
from inference.fhir.resources import Device, DiagnosticReport, ImagingStudy, Observation
from inference.findings.derived import void_among
from storage.audit import AuditRecord, Code
from storage.audit.query import event_of, find_events
from storage.findings.conditions import finding_id_in
from storage.findings.search import find_findings, find_reports
from storage.reports.conditions import report_id_is
from storage.settings import Settings

router = fhir_router()

ResourceId = Annotated[str, Path(pattern=r"^[A-Za-z0-9.-]{1,64}$", description="The logical id.")]


@router.get(
    "/metadata",
    summary="What the FHIR side can do",
    response_model=CapabilityStatement,
    openapi_extra=read_by({"mode": "full or normative, which are the same."}),
)
@policy(ANYONE, "fhir:read", PUBLIC)
def read_capabilities(request: Request, storage: StorageDep) -> Response:
    """The CapabilityStatement; read it to learn what can be searched by."""
    return answer(request, capability_statement(storage.settings))


@router.get(
    "/ImagingStudy",
    summary="Search studies",
    response_model=Bundle[ImagingStudy],
    openapi_extra=searched_by({**imaging_study.PARAMETERS, "_sort": ""}),
)
@policy(READERS, "fhir:read", QUERY)
def search_imaging_studies(request: Request, storage: StorageDep) -> Response:
    """Without the list of instances, which reading one study tells."""
    known = imaging_study.PARAMETERS
    asked = _asked(request, storage.settings, known, tuple(imaging_study.SORTS))
    studies, total = storage.index.studies(
        max(asked.count, 1),
        asked.offset,
        where=conditions(asked, known),
        order=imaging_study.ordering(asked),
    )
    series = storage.index.series_of_studies([one.study_instance_uid for one in studies])
    _name_one(request, [one.study_instance_uid for one in studies])
    url = _dicomweb(storage.settings)
    found = [study_resource(one, series[one.study_instance_uid], url) for one in studies]
    return bundle(request, _base(storage.settings), found[: asked.count], total, asked)


@router.get(
    "/ImagingStudy/{resource_id}",
    summary="One study",
    response_model=ImagingStudy,
    openapi_extra=read_by(),
)
@policy(READERS, "fhir:read", READ)
def read_imaging_study(request: Request, storage: StorageDep, resource_id: ResourceId) -> Response:
    """With its series and instances; the id is the StudyInstanceUID."""
    study = storage.index.study(resource_id)
    name_studies(request, resource_id)
    series = storage.index.series_of(resource_id)
    instances = storage.index.instances_of(resource_id)
    url = _dicomweb(storage.settings)
    return answer(request, study_resource(study, series, url, instances))


@router.get(
    "/DiagnosticReport",
    summary="Search report drafts",
    response_model=Bundle[DiagnosticReport],
    openapi_extra=searched_by({**diagnostic_report.PARAMETERS, "_sort": "", "_include": ""}),
)
@policy(READERS, "fhir:read", QUERY)
def search_diagnostic_reports(request: Request, storage: StorageDep) -> Response:
    """Each preliminary: nobody has signed it."""
    known = diagnostic_report.PARAMETERS
    asked = _asked(
        request, storage.settings, known, tuple(diagnostic_report.SORTS), "DiagnosticReport"
    )
    found, total = find_reports(
        storage.engine,
        conditions(asked, known),
        asked.count,
        asked.offset,
        order(asked, diagnostic_report.SORTS),
    )
    studies = studies_of(storage.index, [one.entity.study_instance_uid for one in found])
    _name_one(request, studies)
    shown = [one for one in found if one.entity.study_instance_uid in studies]
    resources = []
    for one, cited in zip(shown, findings_of(storage, *(it.entity for it in shown)), strict=True):
        study = studies[one.entity.study_instance_uid]
        resource = report_resource(one, study, diagnostic_report.presented(one.entity))
        resources.append(with_heat_maps(resource, storage, study, cited))
    more = included(storage, asked.include, resources, studies)
    return bundle(request, _base(storage.settings), resources, total, asked, more)


@router.get(
    "/DiagnosticReport/{resource_id}",
    summary="One report draft",
    response_model=DiagnosticReport,
    openapi_extra=read_by(),
)
@policy(READERS, "fhir:read", READ)
def read_diagnostic_report(
    request: Request, storage: StorageDep, resource_id: ResourceId
) -> Response:
    """Its sentences as narrative and conclusion, its findings as references."""
    found, _ = find_reports(storage.engine, [report_id_is(resource_id)], 1, 0)
    if not found:
        raise _absent("report", "DiagnosticReport")
    study = storage.index.study(found[0].entity.study_instance_uid)
    name_studies(request, study.study_instance_uid)
    resource = report_resource(found[0], study, diagnostic_report.presented(found[0].entity))
    (cited,) = findings_of(storage, found[0].entity)
    return answer(request, with_heat_maps(resource, storage, study, cited))


@router.get(
    "/Observation",
    summary="Search findings",
    response_model=Bundle[Observation],
    openapi_extra=searched_by({**observation.PARAMETERS, "_sort": "", "_include": ""}),
)
@policy(READERS, "fhir:read", QUERY)
def search_observations(request: Request, storage: StorageDep) -> Response:
    """Each preliminary, with the device that stated it and what people say of it."""
    sorts = observation.SORTS
    asked = _asked(request, storage.settings, observation.PARAMETERS, tuple(sorts), "Observation")
    known = observation.parameters(device.known_pipelines(storage.settings, storage.engine))
    found, total = find_findings(
        storage.engine,
        conditions(asked, known),
        asked.count,
        asked.offset,
        order(asked, sorts),
    )
    studies = studies_of(storage.index, [one.entity.study_instance_uid for one in found])
    _name_one(request, studies)
    feedback = storage.finding_feedback.of_findings([one.entity.finding_id for one in found])
    void = void_among(storage.findings, storage.finding_feedback, [one.entity for one in found])
    resources = [
        finding_resource(
            one,
            studies[one.entity.study_instance_uid],
            feedback[one.entity.finding_id],
            is_void=one.entity.finding_id in void,
        )
        for one in found
        if one.entity.study_instance_uid in studies
    ]
    more = included(storage, asked.include, resources, studies)
    return bundle(request, _base(storage.settings), resources, total, asked, more)


@router.get(
    "/Observation/{resource_id}",
    summary="One finding",
    response_model=Observation,
    openapi_extra=read_by(),
)
@policy(READERS, "fhir:read", READ)
def read_observation(request: Request, storage: StorageDep, resource_id: ResourceId) -> Response:
    """One statement of a model about a study."""
    found, _ = find_findings(storage.engine, [finding_id_in([resource_id])], 1, 0)
    if not found:
        raise _absent("finding", "Observation")
    study = storage.index.study(found[0].entity.study_instance_uid)
    name_studies(request, study.study_instance_uid)
    feedback = storage.finding_feedback.of_findings([resource_id])[resource_id]
    void = void_among(storage.findings, storage.finding_feedback, [found[0].entity])
    return answer(request, finding_resource(found[0], study, feedback, is_void=bool(void)))


@router.get(
    "/Device",
    summary="Search devices",
    response_model=Bundle[Device],
    openapi_extra=searched_by({}),
)
@policy(READERS, "fhir:read", PUBLIC)
def search_devices(request: Request, storage: StorageDep) -> Response:
    """The node, its pipelines, and those that stated something in the past."""
    asked = _asked(request, storage.settings, {})
    found = device.devices(storage.settings, storage.engine)
    page = found[asked.offset : asked.offset + asked.count]
    return bundle(request, _base(storage.settings), page, len(found), asked)


@router.get(
    "/Device/{resource_id}", summary="One device", response_model=Device, openapi_extra=read_by()
)
@policy(READERS, "fhir:read", PUBLIC)
def read_device(request: Request, storage: StorageDep, resource_id: ResourceId) -> Response:
    """A pipeline with its model's card, or the node."""
    return answer(request, device.device(storage.settings, storage.engine, resource_id))


@router.get(
    "/AuditEvent",
    summary="Search the audit trail",
    response_model=Bundle[AuditEvent],
    openapi_extra=searched_by({**audit_event.PARAMETERS, "_sort": ""}),
)
@policy(ADMINS, "fhir:read", Audited(Code.AUDIT_LOG_USED, "R"))
def search_audit_events(request: Request, storage: StorageDep) -> Response:
    """The newest first."""
    asked = _asked(request, storage.settings, audit_event.PARAMETERS, audit_event.SORTS)
    wanted = audit_event.audit_filter(asked)
    found: list[AuditRecord] = []
    total = 0
    if wanted is not None:
        found, total = find_events(
            storage.engine,
            wanted,
            asked.count,
            asked.offset,
            oldest_first=asked.sort[:1] == ("date",),
        )
    resources = [audit_event.audit_event(one) for one in found]
    return bundle(request, _base(storage.settings), resources, total, asked)


@router.get(
    "/AuditEvent/{resource_id}",
    summary="One audit event",
    response_model=AuditEvent,
    openapi_extra=read_by(),
)
@policy(ADMINS, "fhir:read", Audited(Code.AUDIT_LOG_USED, "R"))
def read_audit_event(request: Request, storage: StorageDep, resource_id: ResourceId) -> Response:
    """As it stands in the trail, whose chain `mediview audit verify` checks."""
    record = (
        event_of(storage.engine, int(resource_id))
        if resource_id.isdecimal() and len(resource_id) < 19
        else None
    )
    if record is None:
        raise _absent("event", "AuditEvent")
    return answer(request, audit_event.audit_event(record))


def _name_one(request: Request, study_instance_uids: Collection[str]) -> None:
    """For the audit trail: a search that found one study alone was a look at it."""
    if len(study_instance_uids) == 1:
        name_studies(request, *study_instance_uids)


def _asked(
    request: Request,
    settings: Settings,
    known: Any,
    sorts: tuple[str, ...] = (),
    kind: str = "",
) -> SearchParameters:
    """What the search asks; its references to this very server by their path alone."""
    bases = (_base(settings), f"{request.base_url}fhir")
    query = [(name, relative(value, bases)) for name, value in request.query_params.multi_items()]
    return SearchParameters.read(query, known, sorts, INCLUDES.get(kind, ()))


def _base(settings: Settings) -> str:
    return f"{settings.resolved_public_url}/fhir"


def _dicomweb(settings: Settings) -> str:
    return f"{settings.resolved_public_url}/dicom-web"


def _absent(what: str, kind: str) -> ApiProblem:
    return ApiProblem(
        404, "not_found", f"There is no {what} of that id.", remedy=f"Search GET /fhir/{kind}."
    )
