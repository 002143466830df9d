"""What the audit trail hears of pipelines: what was read and made."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from storage.audit import NODE, Action, Audit, AuditEvent, Code
from storage.core.entities import Instance, Job, JobInput


def series_read(audit: Audit, job: Job, inputs: Iterable[JobInput] = ()) -> None:
    """A pipeline gets the series of a job, and those of earlier studies among its `inputs`.

    Raises StorageUnavailable where it fails closed.
    """
    studies = dict.fromkeys((job.study_instance_uid, *(one.study_instance_uid for one in inputs)))
    audit.record(replace(_of_job(job, "R"), study_instance_uids=tuple(studies)))


def series_read_early(audit: Audit, pipeline: str, study_instance_uid: str) -> None:
    """A pipeline gets a series before it is complete, and before there is a job for it.

    Raises as `series_read` does.
    """
    audit.record(
        AuditEvent(
            Code.INSTANCES_ACCESSED,
            "R",
            NODE,
            study_instance_uids=(study_instance_uid,),
            detail={"via": "pipeline", "pipeline": pipeline, "early": True},
        )
    )


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
