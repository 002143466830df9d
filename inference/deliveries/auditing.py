"""What the audit trail hears of deliveries: what is sent off, and what has arrived."""

from collections import Counter
from collections.abc import Sequence

import structlog

from inference.deliveries.destinations.registry import kind_of
from storage.audit import MINOR_FAILURE, NODE, SUCCESS, Action, Audit, AuditEvent, Code
from storage.core.entities import Instance
from storage.core.errors import MediViewError
from storage.peers.entities import KnownPeer

log = structlog.get_logger(__name__)


def sending(audit: Audit, peer: KnownPeer, instances: Sequence[Instance]) -> None:
    """Instances of a study are about to leave. Raises StorageUnavailable where it fails closed."""
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
