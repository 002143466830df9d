"""What the audit trail hears of pipelines: what was read and made."""

from collections import Counter
from collections.abc import Iterable

from storage.audit import NODE, Action, Audit, AuditEvent, Code
from storage.core.entities import Instance, Job


def series_read(audit: Audit, job: Job) -> None:
    """A pipeline gets the series of a job. Raises StorageUnavailable where it fails closed."""
    audit.record(_of_job(job, "R"))


def results_made(audit: Audit, job: Job, instances: Iterable[Instance]) -> None:
    """Results of a job are in the storage. Raises as `series_read` does."""
    counts = Counter(instance.sop_class_uid for instance in instances)
    audit.record(_of_job(job, "C", sop_classes=dict(counts)))


def _of_job(job: Job, action: Action, **detail: object) -> AuditEvent:
    return AuditEvent(
        Code.INSTANCES_ACCESSED,
        action,
        NODE,
        study_instance_uids=(job.study_instance_uid,),
        detail={"via": "pipeline", "pipeline": job.pipeline, "job_id": job.job_id, **detail},
    )
