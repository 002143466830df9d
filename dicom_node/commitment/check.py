"""Whether the node can commit to an instance: indexed, of the class named, its bytes intact."""

from collections.abc import Sequence

import structlog

from dicom_node.association.contexts import is_storage_class
from dicom_node.normalized.requests import (
    CLASS_INSTANCE_CONFLICT,
    NO_SUCH_SOP_INSTANCE,
    PROCESSING_FAILURE,
    SOP_CLASS_NOT_SUPPORTED,
)
from storage.commitment.entities import Reference
from storage.container import Storage
from storage.core.errors import MediViewError, NotFound

log = structlog.get_logger(__name__)


def failures_of(storage: Storage, references: Sequence[Reference]) -> dict[str, int]:
    """SOP Instance UID → Failure Reason (PS3.3 C.14.1.1) of what cannot be committed to.

    Every byte is read and compared with the digest taken when the instance came.
    Raises StorageUnavailable when the index does not answer: nothing is known then.
    """
    failed: dict[str, int] = {}
    for reference in references:
        reason = _reason(storage, reference)
        if reason is not None:
            failed[reference.sop_instance_uid] = reason
    return failed


def _reason(storage: Storage, reference: Reference) -> int | None:
    if not is_storage_class(reference.sop_class_uid):
        return SOP_CLASS_NOT_SUPPORTED
    try:
        instance = storage.index.instance(reference.sop_instance_uid)
    except NotFound:
        return NO_SUCH_SOP_INSTANCE
    if instance.sop_class_uid != reference.sop_class_uid:
        return CLASS_INSTANCE_CONFLICT
    try:
        storage.instances.checked(instance)
    except MediViewError as error:
        log.error(
            "instance_not_readable",
            sop_instance_uid=instance.sop_instance_uid,
            code=error.code,
        )
        return PROCESSING_FAILURE
    return None
