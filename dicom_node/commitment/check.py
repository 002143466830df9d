"""Whether the node can commit to an instance: indexed, of the class named, its bytes intact."""

from collections.abc import Sequence

import structlog
from sqlalchemy import Engine

from dicom_node.normalized.requests import (
    CLASS_INSTANCE_CONFLICT,
    NO_SUCH_SOP_INSTANCE,
    PROCESSING_FAILURE,
    RESOURCE_LIMITATION,
    SOP_CLASS_NOT_SUPPORTED,
)
from dicom_node.peers import caller_of_peer
from storage.access_groups.visibility import visibility_of
from storage.commitment.entities import Reference
from storage.core.callers.visibility import limited_to
from storage.core.entities import Instance
from storage.core.errors import MediViewError, NotFound
from storage.dicom.storage_classes import is_storage_class
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.peers.entities import KnownPeer
from storage.peers.repository import Peers

log = structlog.get_logger(__name__)


def failures_of(
    engine: Engine,
    index: Index,
    instances: InstanceReader,
    peers: Peers,
    references: Sequence[Reference],
    peer_ae_title: str,
    *,
    is_bucket_awaited: bool = False,
) -> dict[str, int]:
    """SOP Instance UID → Failure Reason (PS3.3 C.14.1.1) of what cannot be committed to.

    A peer may ask about what it sent itself, and what its access groups see. Every byte
    is read and compared with the digest taken when the instance came. `is_bucket_awaited`: nothing
    is committed to that the bucket has not got (`MEDIVIEW_ACKNOWLEDGE=bucket`).
    Raises StorageUnavailable when the index does not answer: nothing is known then.
    """
    failed: dict[str, int] = {}
    for reference in references:
        reason = _reason(
            engine, index, instances, peers, reference, peer_ae_title, is_bucket_awaited
        )
        if reason is not None:
            failed[reference.sop_instance_uid] = reason
    return failed


def _reason(
    engine: Engine,
    index: Index,
    instances: InstanceReader,
    peers: Peers,
    reference: Reference,
    peer_ae_title: str,
    is_bucket_awaited: bool,
) -> int | None:
    if not is_storage_class(reference.sop_class_uid):
        return SOP_CLASS_NOT_SUPPORTED
    try:
        instance = index.instance(reference.sop_instance_uid)
    except NotFound:
        return NO_SUCH_SOP_INSTANCE
    if not _may_ask(engine, index, peers, peer_ae_title, instance):
        return NO_SUCH_SOP_INSTANCE
    if instance.sop_class_uid != reference.sop_class_uid:
        return CLASS_INSTANCE_CONFLICT
    try:
        instances.checked(instance)
    except MediViewError as error:
        log.error(
            "instance_not_readable",
            sop_instance_uid=instance.sop_instance_uid,
            code=error.code,
        )
        return PROCESSING_FAILURE
    is_missing = is_bucket_awaited and not instance.location.object_key
    return RESOURCE_LIMITATION if is_missing else None


def _may_ask(
    engine: Engine, index: Index, peer_repository: Peers, peer_ae_title: str, instance: Instance
) -> bool:
    if instance.source == f"dimse:{peer_ae_title}":
        return True
    peers: list[KnownPeer | None] = [*peer_repository.by_ae_title(peer_ae_title)]
    for peer in peers or [None]:
        with limited_to(visibility_of(engine, caller_of_peer(peer))):
            try:
                index.instance(instance.sop_instance_uid)
            except NotFound:
                continue
            return True
    return False
