"""Studies with their live state."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import Query

from api.access.policy import INTEGRATORS, READERS, policy
from api.audit.rules import CHANGED, QUERY, RESULTS
from api.cursors import CursorPagingDep
from api.deliveries.serializers import delivery_payload
from api.deps import StorageDep
from api.dicom_values import dicom_date, dicom_time
from api.jobs.serializers import decision_payloads, job_payload
from api.parameters import SeriesUid, StudyUid, problems
from api.reports.serializers import report_payload, study_report
from api.routing import new_router
from api.studies.damage import damage_text, damaged_payload
from api.studies.progress import delivery_progress, refusals
from api.studies.query import StudyQuery
from api.studies.schemas import (
    Completed,
    RoutePayload,
    StudyDetail,
    StudyPage,
    StudySummary,
)
from api.studies.serializers import series_summary
from api.studies.state import derive_state
from inference.scheduling.schedule import schedule_series
from inference.worker.broker_notify import wake
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Delivery, Job, Series, Study
from storage.integrity.repository import DamagedInstance
from storage.reports.entities import Report
from storage.studies.urgency import Urgency

router = new_router(prefix="/api/studies", tags=["studies"])


@router.get("", summary="List the studies, the newest first")
@policy(READERS, "api:read", QUERY)
def list_studies(
    storage: StorageDep,
    paging: CursorPagingDep,
    wanted: Annotated[StudyQuery, Query()],
) -> StudyPage:
    """Studies that the node holds, each with its state and its jobs."""
    sorting = wanted.sorting()
    studies, total = storage.index.studies(
        paging.limit,
        paging.offset,
        wanted.q,
        where=wanted.filter().conditions(),
        order=sorting.order(),
        beyond=paging.beyond(sorting),
    )
    items = [whole.summary() for whole in _Whole.read(storage, studies)]
    return paging.page_of(StudyPage, items, total, studies, sorting)


@router.get("/{study_instance_uid}", summary="One study in full", responses=problems(404))
@policy(READERS, "api:read", RESULTS)
def get_study(storage: StorageDep, study_instance_uid: StudyUid) -> StudyDetail:
    """The study with its series, every pipeline's decision, the deliveries and reports.

    `deliveries` are those of its results; `routes` sum up what was received and goes on.
    """
    (whole,) = _Whole.read(storage, [storage.index.study(study_instance_uid)])
    routes = [
        RoutePayload.model_validate({**asdict(route), "held": route.confirmed})
        for route in storage.routing.routes_of(study_instance_uid)
    ]
    return whole.detail(routes)


@router.post(
    "/{study_instance_uid}/complete",
    summary="Say that nothing more comes for a study",
    responses=problems(404),
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
    responses=problems(404),
)
@policy(INTEGRATORS, "api:write", CHANGED)
def complete_series(
    storage: StorageDep, study_instance_uid: StudyUid, series_instance_uid: SeriesUid
) -> Completed:
    """The same for one series."""
    return _complete(storage, [storage.index.series(study_instance_uid, series_instance_uid)])


def _complete(storage: Storage, receiving: Sequence[Series]) -> Completed:
    """One in which an instance arrives at this very moment stays open, and is listed as such."""
    marked = [storage.index.mark_complete(series, utcnow()) for series in receiving]
    completed = [series for series in marked if series is not None]
    decisions = [one for series in completed for one in schedule_series(storage, series)]
    wake(storage.settings)
    return Completed(
        series=[series_summary(series) for series in completed],
        decisions=decision_payloads(decisions),
    )


@dataclass(frozen=True)
class _Whole:
    """A study with everything that its state is derived from."""

    study: Study
    series: list[Series]
    decisions: list[Decision]
    jobs: list[Job]
    deliveries: list[Delivery]
    findings_count: int
    report: Report | None
    open_alerts: int
    urgency: Urgency
    damaged: list[DamagedInstance]

    @classmethod
    def read(cls, storage: Storage, studies: list[Study]) -> "list[_Whole]":
        """All of several studies, each kind in one query."""
        uids = [study.study_instance_uid for study in studies]
        series = storage.index.series_of_studies(uids)
        decisions = storage.decisions.of_studies(uids)
        jobs = storage.jobs.of_studies(uids)
        deliveries = storage.deliveries.of_studies(uids)
        findings = storage.findings.counts(uids)
        reports = storage.reports.states_of(uids)
        alerts = storage.alerts.open_counts(uids)
        urgencies = storage.urgencies.of_studies(uids)
        damaged = storage.damaged.of_studies(uids)
        return [
            cls(
                study,
                series[uid],
                decisions[uid],
                jobs[uid],
                deliveries[uid],
                findings[uid],
                reports.get(uid),
                alerts.get(uid, 0),
                # One that was deleted a moment ago is in no hurry.
                urgencies.get(uid, "reported"),
                damaged.get(uid, []),
            )
            for uid, study in zip(uids, studies, strict=True)
        ]

    def summary(self) -> StudySummary:
        study = self.study
        derived = derive_state(self.series, self.decisions, self.jobs, self.deliveries)
        damaged_count = sum(not one.has_copy for one in self.damaged)
        return StudySummary(
            study_instance_uid=study.study_instance_uid,
            patient_name=study.patient_name,
            patient_id=study.patient_id,
            patient_birth_date=dicom_date(study.patient_birth_date),
            patient_sex=study.patient_sex,
            study_date=dicom_date(study.study_date),
            study_time=dicom_time(study.study_time),
            accession_number=study.accession_number,
            study_description=study.study_description,
            modalities=list(study.modalities),
            series_count=study.series_count,
            instance_count=study.instance_count,
            size_bytes=study.size_bytes,
            received_at=study.received_at,
            updated_at=study.updated_at,
            state=derived.state,
            state_text=f"{derived.text}{damage_text(damaged_count)}",
            jobs=[job_payload(job) for job in self.jobs],
            findings_count=self.findings_count,
            refusals=refusals(self.series, self.decisions, self.jobs),
            delivery=delivery_progress(self.deliveries),
            open_alerts=self.open_alerts,
            urgency=self.urgency,
            report=study_report(self.report),
            damaged_instances_count=damaged_count,
        )

    def detail(self, routes: list[RoutePayload]) -> StudyDetail:
        return StudyDetail(
            **dict(self.summary()),
            series=[series_summary(series) for series in self.series],
            decisions=decision_payloads(self.decisions),
            deliveries=[delivery_payload(delivery) for delivery in self.deliveries],
            routes=routes,
            reports=[] if self.report is None else [report_payload(self.report)],
            damaged_instances=[damaged_payload(one) for one in self.damaged],
        )
