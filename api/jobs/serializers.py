"""Jobs and decisions as the API's JSON."""

from collections.abc import Iterable, Sequence

from api.base_schemas import ResultInstance
from api.findings.schemas import FindingPayload
from api.findings.serializers import model_url
from api.jobs.schemas import (
    DecisionPayload,
    InputRegistrationPayload,
    JobInputPayload,
    JobPayload,
    PriorityName,
    PriorTakenPayload,
    ResultTakenPayload,
)
from api.reason_parts import end_parts, reason_parts
from storage.core.entities import Decision, Job
from storage.core.job_result import JobInput
from storage.core.text.dicom_values import dicom_date
from storage.jobs.repository import PRIORITIES
from storage.jobs.stages import stage_in_words

_ENDED_TEXT: dict[str, str] = {
    "FAILED": "Failed.",
    "CANCELLED": "Cancelled.",
    "SUPERSEDED": "Superseded.",
}


def stage_text(job: Job) -> str:
    """What the job is doing or became, in a sentence."""
    if job.state == "SCHEDULED":
        return "Waiting for a worker." if not job.attempts else "Waiting to be tried again."
    if job.status == "COMPLETED":
        return job.reason or "Done."
    if job.status in _ENDED_TEXT:
        return job.reason or _ENDED_TEXT[job.status]
    return stage_in_words(job.stage)


def _priority_name(priority: int) -> PriorityName:
    for name in ("STAT", "HIGH", "ROUTINE"):
        if priority >= PRIORITIES[name]:
            return name
    return "LOW"


def job_payload(
    job: Job, findings: Sequence[FindingPayload] = (), *, patient: tuple[str, str] = ("", "")
) -> JobPayload:
    """`patient`: the name and ID to tell it by, where jobs of several studies are listed."""
    edited = job.result.get("edited")
    return JobPayload(
        patient_name=patient[0],
        patient_id=patient[1],
        job_id=job.job_id,
        pipeline=job.pipeline,
        pipeline_version=job.pipeline_version,
        study_instance_uid=job.study_instance_uid,
        series_instance_uid=job.series_instance_uid,
        state=job.status,
        stage=job.stage,
        stage_text=stage_text(job),
        progress=min(max(job.progress, 0.0), 1.0),
        reason=job.reason,
        reason_parts=end_parts(job.reason),
        attempts=job.attempts,
        priority=job.priority,
        priority_name=_priority_name(job.priority),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        updated_at=job.updated_at,
        results=[
            ResultInstance(
                kind=made["kind"],
                sop_class_uid=made["sop_class_uid"],
                series_instance_uid=made["series_instance_uid"],
                sop_instance_uid=made["sop_instance_uid"],
            )
            for made in job.result.get("instances", [])
        ],
        inputs=[_input_payload(one) for one in job.result.get("inputs", [])],
        notes=job.result.get("notes", []),
        model_url=model_url(job.pipeline, job.pipeline_version),
        has_label_picture=job.result.get("label_picture", False),
        edited_by=edited["by"] if edited else "",
        findings=list(findings),
    )


def _input_payload(one: JobInput) -> JobInputPayload:
    registration, prior = one.get("registration"), one.get("prior")
    return JobInputPayload(
        role=one["role"],
        series_instance_uid=one["series_instance_uid"],
        prior=None
        if prior is None
        else PriorTakenPayload(
            study_instance_uid=prior["study_instance_uid"],
            study_date=dicom_date(prior["study_date"]),
            days_before=prior["days_before"],
        ),
        result=None if "result" not in one else ResultTakenPayload(**one["result"]),
        registration=None if registration is None else InputRegistrationPayload(**registration),
        refused=one.get("refused", ""),
    )


def decision_payloads(decisions: Iterable[Decision]) -> list[DecisionPayload]:
    return [
        DecisionPayload(
            study_instance_uid=decision.study_instance_uid,
            series_instance_uid=decision.series_instance_uid,
            pipeline=decision.pipeline,
            pipeline_version=decision.pipeline_version,
            accepted=decision.accepted,
            reason=decision.reason,
            reason_parts=reason_parts(decision.reason),
            job_id=decision.job_id,
            decided_at=decision.decided_at,
        )
        for decision in decisions
    ]
