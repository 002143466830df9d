"""What the audit trail hears of pipelines and deliveries: what was read, made and sent off."""

from collections import Counter
from collections.abc import Iterable, Sequence

import structlog

from inference.deliveries.destinations.registry import kind_of
from storage.audit import MINOR_FAILURE, NODE, SUCCESS, Action, Audit, AuditEvent, Code
from storage.core.entities import Instance, Job
from storage.core.errors import MediViewError
from storage.peers.repository import KnownPeer

log = structlog.get_logger(__name__)


def series_read(audit: Audit, job: Job) -> None:
    """A pipeline gets the series of a job. Raises StorageUnavailable where it fails closed."""
    audit.record(_of_job(job, "R"))


def results_made(audit: Audit, job: Job, instances: Iterable[Instance]) -> None:
    """Results of a job are in the storage. Raises as `series_read` does."""
    counts = Counter(instance.sop_class_uid for instance in instances)
    audit.record(_of_job(job, "C", sop_classes=dict(counts)))


def sending(audit: Audit, peer: KnownPeer, instances: Sequence[Instance]) -> None:
    """Instances of a study are about to leave. Raises as `series_read` does."""
    if instances and not kind_of(peer).is_export:
        audit.record(_of_sending(peer, instances, Code.BEGIN_TRANSFER, "E"))


def sent(audit: Audit, peer: KnownPeer, instances: Sequence[Instance], accepted: set[str]) -> None:
    """Instances have left, as far as the destination answered success to them."""
    if not instances:
        return
    code = Code.EXPORT if kind_of(peer).is_export else Code.INSTANCES_TRANSFERRED
    try:
        audit.record(_of_sending(peer, instances, code, "R", accepted))
    except MediViewError as error:
        # They are gone; that they went is known from their beginning.
        log.error("audit_not_written", error=error.code)


def _of_job(job: Job, action: Action, **detail: object) -> AuditEvent:
    return AuditEvent(
        Code.INSTANCES_ACCESSED,
        action,
        NODE,
        study_instance_uids=(job.study_instance_uid,),
        detail={"via": "pipeline", "pipeline": job.pipeline, "job_id": job.job_id, **detail},
    )


def _of_sending(
    peer: KnownPeer,
    instances: Sequence[Instance],
    code: Code,
    action: Action,
    accepted: set[str] | None = None,
) -> AuditEvent:
    arrived = [one for one in instances if accepted is None or one.sop_instance_uid in accepted]
    address = peer.url or peer.host or peer.folder
    detail: dict[str, object] = {
        "toward": "other",
        "other": {"name": peer.ae_title or peer.name, "address": address},
        "destination": peer.name,
    }
    if accepted is not None:
        detail["sop_classes"] = dict(Counter(one.sop_class_uid for one in arrived))
        if len(arrived) < len(instances):
            detail["failed"] = len(instances) - len(arrived)
    return AuditEvent(
        code,
        action,
        NODE,
        outcome=SUCCESS if len(arrived) == len(instances) else MINOR_FAILURE,
        study_instance_uids=tuple(dict.fromkeys(one.study_instance_uid for one in instances)),
        detail=detail,
    )
