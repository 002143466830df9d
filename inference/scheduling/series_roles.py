"""Write down what series are for a reader once they are complete, for hanging protocols."""

import time
from collections.abc import Sequence
from typing import Protocol

import structlog

from inference.failures import place
from inference.series_classification.series_roles import (
    PROJECTIONS,
    SeriesHeaders,
    roles_of_study,
)
from storage.container.has import HasEngine, HasIndex, HasInstances
from storage.core.callers.visibility import as_node
from storage.core.entities import Instance, Series
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.core.postponed import Postponed
from storage.index.series_roles import put_series_roles, studies_without_roles

log = structlog.get_logger(__name__)

FAILED_AGAIN_S = 60.0
# Of a round of the scheduler; what is left waits for the next one.
_ROUND_S = 0.3
_STUDIES_AT_ONCE = 32
# One view each: a series of more images is of no four views of a breast.
_PROJECTIONS_READ = 16


class RoleStorage(HasEngine, HasIndex, HasInstances, Protocol):
    """What of the storage layer roles are recognised with."""


@as_node()
def recognise_roles(storage: RoleStorage, failed: Postponed, budget_s: float = _ROUND_S) -> int:
    """Of studies with complete series whose roles nobody looked at, newest first; how many.

    A study is looked at as a whole, because a series may be another one beside others.
    """
    until = time.monotonic() + budget_s
    studies = studies_without_roles(storage.engine, _STUDIES_AT_ONCE, failed.current())
    done = 0
    for study_instance_uid in studies:
        try:
            _recognise(storage, study_instance_uid)
        except (StorageFull, StorageUnavailable):
            # Its bytes lie on a host that is away just now.
            failed.add(study_instance_uid)
        done += 1
        if time.monotonic() >= until:
            break
    return done


def _recognise(storage: RoleStorage, study_instance_uid: str) -> None:
    series = [
        one
        for one in storage.index.series_of(study_instance_uid)
        if one.origin == "received" and one.state == "COMPLETE"
    ]
    found = [_headers_of(storage, one) for one in series]
    try:
        roles = roles_of_study(found)
    except Exception as error:  # noqa: BLE001 - whatever a strange data set makes pydicom raise
        log.warning(
            "series_roles_not_recognised",
            study_instance_uid=study_instance_uid,
            error=type(error).__name__,
            place=place(error),
        )
        roles = {}
    put_series_roles(
        storage.engine,
        study_instance_uid,
        {
            (one.series_instance_uid, one.fingerprint): roles.get(one.series_instance_uid, ())
            for one in series
        },
    )


def _headers_of(storage: RoleStorage, series: Series) -> SeriesHeaders:
    uid = series.series_instance_uid
    instances = storage.index.instances_of(series.study_instance_uid, uid)
    try:
        headers = storage.instances.headers(_telling(series.modality, instances))
    except (StorageFull, StorageUnavailable):
        raise
    except MediViewError as error:
        # Damaged, or deleted meanwhile: the others are recognised without it.
        log.warning("series_role_not_read", series_instance_uid=uid, error=error.code)
        headers = []
    return SeriesHeaders(uid, headers, len(instances))


def _telling(modality: str, instances: Sequence[Instance]) -> Sequence[Instance]:
    if modality in PROJECTIONS:
        return instances[:_PROJECTIONS_READ]
    if modality not in ("MR", "CT", "PT"):
        return ()
    places = sorted({0, len(instances) // 2, len(instances) - 1})
    return [instances[one] for one in places] if instances else ()
