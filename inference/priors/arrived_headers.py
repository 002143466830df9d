"""The headers of a series, for conditions that are asked about it."""

from collections.abc import Sequence

import structlog
from pydicom.dataset import Dataset

from inference.failures import place
from storage.core.entities import Instance, Series
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.integrity.instance_reader import InstanceReader

log = structlog.get_logger(__name__)


def headers_of(
    instance_reader: InstanceReader, series: Series, instances: Sequence[Instance]
) -> list[Dataset] | None:
    """None where they cannot be read: then no condition holds."""
    try:
        return instance_reader.headers(instances)
    except (StorageFull, StorageUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a strange data set makes pydicom raise
        log.warning(
            "routing_conditions_not_asked",
            series_instance_uid=series.series_instance_uid,
            error=error.code if isinstance(error, MediViewError) else type(error).__name__,
            place=place(error),
        )
        return None
