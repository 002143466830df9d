"""Jobs of the node as workitems of the unified worklist: one ledger, seen in two ways.

Nothing is copied. The item's UID is the job's UUID under 2.25 (PS3.5 B.2), so that
each leads to the other.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from storage.core.accession_issuers import AccessionIssuer
from storage.core.entities import Job
from storage.jobs.stages import stage_in_words
from storage.ups.dicom_json import (
    NODE_SCHEME,
    JsonAttributes,
    attributes_of,
    code_item,
    date_time,
    references_by_series,
)
from storage.ups.validation import DEFAULT_WORKLIST, UPS_PUSH, WorkitemState

_ROOT = "2.25."
# PS3.16 CID 9300.
UNSPECIFIED = ("110513", "DCM", "Discontinued for unspecified reason")
NOT_SUPPORTED = ("110522", "DCM", "Object Types not Supported")
_PATIENT = {
    "PatientName": "patient_name",
    "PatientID": "patient_id",
    "IssuerOfPatientID": "issuer_of_patient_id",
    "PatientBirthDate": "patient_birth_date",
    "PatientSex": "patient_sex",
}


def uid_of_job(job_id: str) -> str:
    """The UID under which a job is a workitem."""
    return f"{_ROOT}{uuid.UUID(job_id).int}"


def job_id_of(workitem_uid: str) -> str | None:
    """The job that would bear this UID; None where no job could."""
    digits = workitem_uid.removeprefix(_ROOT)
    if digits == workitem_uid or not digits.isdecimal() or int(digits) >= 2**128:
        return None
    return str(uuid.UUID(int=int(digits)))


def state_of_job(job: Job) -> WorkitemState:
    """A job that waits for its next attempt stays claimed: a UPS never goes back (CC.1.1)."""
    if job.state == "SCHEDULED" and job.started_at is not None:
        return "IN PROGRESS"
    return job.state


def priority_name(priority: int) -> str:
    return "HIGH" if priority > 0 else "LOW" if priority < 0 else "MEDIUM"


def attributes_of_job(
    job: Job,
    ae_title: str,
    study: Mapping[str, Any],
) -> JsonAttributes:
    """The workitem that a job is (PS3.3 C.30).

    `study`: columns of the index by name, without values where it is not held (any more).
    The input is named by its series, without the single instances.
    """
    created, uid = date_time(job.created_at), uid_of_job(job.job_id)
    return attributes_of(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=UPS_PUSH,
        SOPInstanceUID=uid,
        ScheduledProcedureStepPriority=priority_name(job.priority),
        ScheduledProcedureStepModificationDateTime=date_time(job.updated_at),
        ProcedureStepLabel=f"{job.pipeline} {job.pipeline_version}"[:64],
        WorklistLabel=DEFAULT_WORKLIST,
        ScheduledStationNameCodeSequence=[station_item(ae_title)],
        ScheduledProcedureStepStartDateTime=created,
        ScheduledWorkitemCodeSequence=[pipeline_item(job.pipeline)],
        CommentsOnTheScheduledProcedureStep="",
        InputReadinessState="READY",
        InputInformationSequence=_inputs(job),
        AdmissionID="",
        AdmittingDiagnosesDescription="",
        ReferencedRequestSequence=[
            attributes_of(
                StudyInstanceUID=job.study_instance_uid,
                AccessionNumber=study.get("accession_number", ""),
                **_issuer(study),
                RequestedProcedureID="",
                RequestedProcedureDescription=study.get("study_description", ""),
                RequestedProcedureCodeSequence="",
                ReferencedStudySequence="",
            )
        ],
        ProcedureStepState=state_of_job(job),
        ProcedureStepProgressInformationSequence=[progress_item(job)],
        UnifiedProcedureStepPerformedProcedureSequence=performed_items([job], ae_title),
        **{keyword: study.get(column, "") for keyword, column in _PATIENT.items()},
    )


def _issuer(study: Mapping[str, Any]) -> dict[str, list[JsonAttributes]]:
    issuer = AccessionIssuer(
        study.get("accession_number_namespace", ""), study.get("accession_number_system", "")
    )
    return {
        keyword: [attributes_of(**item) for item in items]
        for keyword, items in issuer.in_attributes().items()
    }


def _inputs(job: Job) -> list[JsonAttributes]:
    if job.input_object_key:
        return []  # an uploaded image, which no study holds
    return [
        attributes_of(
            TypeOfInstances="DICOM",
            StudyInstanceUID=job.study_instance_uid,
            SeriesInstanceUID=job.series_instance_uid,
        )
    ]


def station_item(ae_title: str) -> JsonAttributes:
    return code_item(ae_title, NODE_SCHEME, "MediViewAI")


def pipeline_item(pipeline: str) -> JsonAttributes:
    return code_item(pipeline, NODE_SCHEME, pipeline)


def progress_item(job: Job) -> JsonAttributes:
    """How far the job is, and why it ended where it was canceled."""
    item = attributes_of(
        ProcedureStepProgress=_decimal(job.progress * 100),
        ProcedureStepProgressDescription=(stage_in_words(job.stage) if job.stage else job.reason)[
            :64
        ],
    )
    if job.state == "CANCELED":
        item |= cancellation(job.reason, date_time(job.finished_at or job.updated_at))
    return item


def cancellation(reason: str, at: str, code: tuple[str, str, str] = UNSPECIFIED) -> JsonAttributes:
    """What CANCELED requires of the progress item (PS3.4 Table CC.2.5-3)."""
    return attributes_of(
        ProcedureStepCancellationDateTime=at,
        ReasonForCancellation=reason[:10240],
        ProcedureStepDiscontinuationReasonCodeSequence=[code_item(*code)],
    )


def performed_items(jobs: Sequence[Job], ae_title: str) -> list[JsonAttributes]:
    """The performed procedure of one or several jobs, with what came of them; [] before."""
    started = [job.started_at for job in jobs if job.started_at is not None]
    if not started:
        return []
    item = attributes_of(
        ActualHumanPerformersSequence="",
        PerformedStationNameCodeSequence=[station_item(ae_title)],
        PerformedProcedureStepStartDateTime=date_time(min(started)),
        PerformedWorkitemCodeSequence=[
            pipeline_item(name) for name in sorted({job.pipeline for job in jobs})
        ],
        OutputInformationSequence=[output for job in jobs for output in _outputs(job)],
    )
    ended = [job.finished_at for job in jobs if job.finished_at is not None]
    if len(ended) == len(jobs):
        item |= attributes_of(PerformedProcedureStepEndDateTime=date_time(max(ended)))
    return [item]


def _outputs(job: Job) -> list[JsonAttributes]:
    if job.state != "COMPLETED":
        return []
    return references_by_series(
        job.study_instance_uid,
        [
            (one["series_instance_uid"], one["sop_class_uid"], one["sop_instance_uid"])
            for one in job.result.get("instances", [])
        ],
    )


def _decimal(value: float) -> float:
    return round(value, 1)
