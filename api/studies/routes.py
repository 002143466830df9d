"""Studies with their live state."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import Query

from api.access.policy import INTEGRATORS, READERS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import CHANGED, QUERY, RESULTS
from api.deliveries.serializers import delivery_payload
from api.deps import StorageDep
from api.jobs.serializers import decision_payloads
from api.lists.cursors import CursorPagingDep
from api.parameters import SeriesUid, StudyUid, problems
from api.reports.schemas import ReportPayload
from api.reports.serializers import report_payload
from api.router_factory import new_router
from api.studies.damage import damaged_payload
from api.studies.list_parameters import StudyQuery
from api.studies.schemas import (
    Completed,
    OtherPatientInstance,
    RoutePayload,
    StudyDetail,
    StudyPage,
    StudySummary,
)
from api.studies.serializers import series_summary
from api.studies.study_list_columns import StudyRow
from inference.broker.notify import wake
from inference.reports.omissions import missing_of_report
from inference.scheduling.completeness import wait_for_bucket
from inference.scheduling.schedule import SchedulingStorage, schedule_series
from storage.core.clock import utcnow
from storage.core.entities import Instance, Series
from storage.core.errors import StorageUnavailable
from storage.integrity.other_patients import OtherPatients, instances_of_other_patients

router = new_router(prefix="/api/studies", tags=["studies"])


@router.get("", summary="List the studies, the newest first")
@policy(READERS, "api:read", QUERY)
def list_studies(
    storage: StorageDep,
    principal: PrincipalDep,
    paging: CursorPagingDep,
    wanted: Annotated[StudyQuery, Query()],
) -> StudyPage:
    """Studies that the node holds, each with its state and its jobs."""
    sorting = wanted.sorting()
    studies, total = storage.index.studies(
        paging.limit,
        paging.offset,
        wanted.q,
        where=wanted.filter(principal.identity).conditions(),
        order=sorting.order(),
        beyond=paging.beyond(sorting),
    )
    items = [row.columns(principal.identity) for row in StudyRow.read(storage, studies)]
    return paging.page_of(StudyPage, items, total, studies, sorting)


@router.get("/{study_instance_uid}", summary="One study in full", responses=problems(404))
@policy(READERS, "api:read", RESULTS)
def get_study(
    storage: StorageDep, principal: PrincipalDep, study_instance_uid: StudyUid
) -> StudyDetail:
    """The study with its series, every pipeline's decision, the deliveries and reports.

    `deliveries` are those of its results; `routes` sum up what was received and goes on.
    """
    (row,) = StudyRow.read(storage, [storage.index.study(study_instance_uid)])
    routes = [
        RoutePayload.model_validate({**asdict(route), "held": route.confirmed})
        for route in storage.routing.routes_of(study_instance_uid)
    ]
    others = instances_of_other_patients(storage.engine, storage.instances, study_instance_uid)
    report = row.report
    reports = (
        []
        if report is None
        else [report_payload(report, missing_of_report(report, storage.critical_alerts))]
    )
    return _detail(row.columns(principal.identity), row, routes, others, reports)


def _named(instance: Instance) -> OtherPatientInstance:
    return OtherPatientInstance(
        sop_instance_uid=instance.sop_instance_uid,
        series_instance_uid=instance.series_instance_uid,
    )


def _detail(
    summary: StudySummary,
    row: StudyRow,
    routes: list[RoutePayload],
    found: OtherPatients,
    reports: list[ReportPayload],
) -> StudyDetail:
    return StudyDetail(
        **dict(summary),
        series=[series_summary(series) for series in row.series],
        other_patient_instances=[_named(one) for one in found.others],
        unchecked_instances=[_named(one) for one in found.unchecked],
        decisions=decision_payloads(row.decisions),
        deliveries=[delivery_payload(delivery) for delivery in row.deliveries],
        routes=routes,
        reports=reports,
        damaged_instances=[damaged_payload(one) for one in row.damaged],
    )


@router.post(
    "/{study_instance_uid}/complete",
    summary="Say that nothing more comes for a study",
    responses=problems(404, 503),
)
@policy(INTEGRATORS, "api:write", CHANGED)
def complete_study(storage: StorageDep, study_instance_uid: StudyUid) -> Completed:
    """Complete every series that still arrives, now, and offer each to the pipelines.

    Saying it again is harmless. An instance that comes later reopens its series.
    """
    storage.index.study(study_instance_uid)
    series = storage.index.series_of(study_instance_uid)
    return _complete(storage, [one for one in series if one.state == "RECEIVING"])


@router.post(
    "/{study_instance_uid}/series/{series_instance_uid}/complete",
    summary="Say that nothing more comes for a series",
    responses=problems(404, 503),
)
@policy(INTEGRATORS, "api:write", CHANGED)
def complete_series(
    storage: StorageDep, study_instance_uid: StudyUid, series_instance_uid: SeriesUid
) -> Completed:
    """The same for one series."""
    return _complete(storage, [storage.index.series(study_instance_uid, series_instance_uid)])


def _complete(storage: SchedulingStorage, receiving: Sequence[Series]) -> Completed:
    """One in which an instance arrives at this very moment stays open, and is listed as such.

    Raises StorageUnavailable where workers of other hosts could not read one yet.
    """
    waiting = wait_for_bucket(storage.settings, storage.index, receiving)
    if waiting:
        raise StorageUnavailable(
            f"The series {waiting[0].series_instance_uid} is on the host alone that received it,"
            " and not yet in the bucket, so that no worker of another host could read it.",
            remedy="Say it again in some seconds. Where it goes on, see to the bucket or that"
            " host; the series is complete by itself once the bucket has it.",
        )
    marked = [storage.index.mark_complete(series, utcnow()) for series in receiving]
    completed = [series for series in marked if series is not None]
    decisions = [one for series in completed for one in schedule_series(storage, series)]
    wake(storage.settings)
    return Completed(
        series=[series_summary(series) for series in completed],
        decisions=decision_payloads(decisions),
    )
