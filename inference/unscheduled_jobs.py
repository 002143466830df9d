"""Jobs that nobody scheduled: what a person made, and what only reads a series under a name."""

from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.job_result import JobResult


def unscheduled_job(
    job_id: str,
    pipeline: tuple[str, str],
    study_instance_uid: str,
    series_instance_uid: str,
    input_fingerprint: str = "",
    *,
    result: JobResult | None = None,
    patient_key: str = "",
) -> Job:
    """One that ended when it began where it has a `result`; else one that is under way.

    `pipeline`: its name and version.
    """
    now = utcnow()
    is_done = result is not None
    return Job(
        job_id=job_id,
        pipeline=pipeline[0],
        pipeline_version=pipeline[1],
        study_instance_uid=study_instance_uid,
        series_instance_uid=series_instance_uid,
        input_fingerprint=input_fingerprint,
        input_object_key="",
        state="COMPLETED" if is_done else "IN PROGRESS",
        stage="",
        progress=1.0 if is_done else 0.0,
        reason="",
        priority=0,
        attempts=0 if is_done else 1,
        lease_owner="",
        lease_expires_at=None,
        created_at=now,
        started_at=now,
        finished_at=now if is_done else None,
        updated_at=now,
        result=result or JobResult(),
        patient_key=patient_key,
    )
