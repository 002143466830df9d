"""Delete studies, series and instances for good, where the standard's resources stand.

A person confirms the session first; a program with a key does not.
"""

import structlog
from fastapi import Response

from api.access.policy import ADMINS, policy
from api.audit_rules import Audited
from api.dicomweb.deps import StorageDep
from api.dicomweb.lookups import find_instance, find_instances
from api.dicomweb.routing import dicomweb_router
from storage.audit import Code
from storage.deletion.service import Deletion

router = dicomweb_router()
log = structlog.get_logger(__name__)


@router.delete("/studies/{study_instance_uid}", status_code=204)
@policy(
    ADMINS,
    "admin",
    Audited(Code.STUDY_DELETED, "D", with_change=True),
    confirmed_to="delete studies",
)
def delete_study(study_instance_uid: str, storage: StorageDep) -> Response:
    """Delete a study, and all that was worked out about it."""
    with storage.deletions.not_found_is_durable():
        find_instances(storage.index, study_instance_uid)
    return _gone(storage.deletions.study(study_instance_uid))


@router.delete("/studies/{study_instance_uid}/series/{series_instance_uid}", status_code=204)
@policy(
    ADMINS,
    "admin",
    Audited(Code.INSTANCES_ACCESSED, "D", with_change=True),
    confirmed_to="delete series",
)
def delete_series(
    study_instance_uid: str, series_instance_uid: str, storage: StorageDep
) -> Response:
    """Delete a series, and all that was worked out about it."""
    with storage.deletions.not_found_is_durable():
        find_instances(storage.index, study_instance_uid, series_instance_uid)
    return _gone(storage.deletions.series(study_instance_uid, series_instance_uid))


@router.delete(
    "/studies/{study_instance_uid}/series/{series_instance_uid}/instances/{sop_instance_uid}",
    status_code=204,
)
@policy(
    ADMINS,
    "admin",
    Audited(Code.INSTANCES_ACCESSED, "D", with_change=True),
    confirmed_to="delete instances",
)
def delete_instance(
    study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str, storage: StorageDep
) -> Response:
    """Delete an instance; the rest of its series leads to revised results."""
    with storage.deletions.not_found_is_durable():
        find_instance(storage.lookup, study_instance_uid, series_instance_uid, sop_instance_uid)
    return _gone(storage.deletions.instance(sop_instance_uid))


def _gone(deletion: Deletion) -> Response:
    log.info("deleted_over_http", instances=deletion.instance_count)
    return Response(status_code=204)
