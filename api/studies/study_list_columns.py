"""The columns of the study list: what is read for a page, and what a row of it says.

Each column is a field of `StudySummary` in `api.studies.schemas`. The viewer shows them by
`viewer/features/studies/lib/studyListColumns.ts`; the page is read by `storage.index.study_list`.
"""

from dataclasses import dataclass
from typing import Protocol

from api.jobs.serializers import job_payload
from api.reports.serializers import study_report
from api.studies.damage import damage_text
from api.studies.progress import delivery_progress, refusals
from api.studies.schemas import PatientNotice, StudyReader, StudySummary
from api.studies.state import derive_state
from storage.container.has import (
    HasAcceptanceDecisions,
    HasCriticalAlerts,
    HasDamaged,
    HasDeliveries,
    HasFindings,
    HasIndex,
    HasJobs,
    HasReports,
    HasUrgencies,
)
from storage.core.callers.identity import Identity
from storage.core.entities import Decision, Delivery, Job, Series, Study
from storage.core.text.dicom_values import dicom_date, dicom_time
from storage.integrity.repository import DamagedInstance
from storage.reports.entities import Report
from storage.studies.urgency import Urgency

_DIFFERENT_NAMES = PatientNotice(
    code="different_patient_names",
    text="Studies of this patient state different names. Check whose images they are.",
)


class StudyListStorage(
    HasIndex,
    HasAcceptanceDecisions,
    HasJobs,
    HasDeliveries,
    HasFindings,
    HasReports,
    HasCriticalAlerts,
    HasUrgencies,
    HasDamaged,
    Protocol,
):
    """What of the storage layer the columns are read from."""


@dataclass(frozen=True)
class StudyRow:
    """A study with everything that its columns are made of."""

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
    is_named_differently: bool

    @classmethod
    def read(cls, storage: StudyListStorage, studies: list[Study]) -> "list[StudyRow]":
        """Those of a page, each kind of thing in one query."""
        uids = [study.study_instance_uid for study in studies]
        series = storage.index.series_of_studies(uids)
        decisions = storage.acceptance_decisions.of_studies(uids)
        jobs = storage.jobs.of_studies(uids)
        deliveries = storage.deliveries.of_studies(uids)
        findings = storage.findings.counts(uids)
        reports = storage.reports.states_of(uids)
        alerts = storage.critical_alerts.open_counts(uids)
        urgencies = storage.urgencies.of_studies(uids)
        damaged = storage.damaged.of_studies(uids)
        named_differently = storage.index.named_differently(uids)
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
                uid in named_differently,
            )
            for uid, study in zip(uids, studies, strict=True)
        ]

    def columns(self, caller: Identity) -> StudySummary:
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
            reader=_reader(study, caller),
            urgency=self.urgency,
            report=study_report(self.report),
            damaged_instances_count=damaged_count,
            patient_notices=[_DIFFERENT_NAMES] if self.is_named_differently else [],
        )


def _reader(study: Study, caller: Identity) -> StudyReader | None:
    if study.reader_since is None:
        return None
    return StudyReader(
        name=study.reader_name, is_you=study.reader_id == caller.id, since=study.reader_since
    )
