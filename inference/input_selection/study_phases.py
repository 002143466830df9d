"""The contrast phases of the study at hand, for conditions that ask for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import structlog

from inference.series_classification.ct_phase import CtSeries, ct_series
from inference.series_classification.study_context import of_study
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

log = structlog.get_logger(__name__)


@contextmanager
def phases_known(
    index: Index, instance_reader: InstanceReader, study_instance_uid: str
) -> Iterator[None]:
    """Within it `contrast_phase` of a series goes by all complete CT series of the study, of which
    two headers each are read when it is first asked."""

    @cache
    def read() -> tuple[CtSeries, ...]:
        found = []
        for series in index.series_of(study_instance_uid):
            if (
                series.origin == "generated"
                or series.state != "COMPLETE"
                or series.modality != "CT"
            ):
                continue
            instances = index.instances_of(study_instance_uid, series.series_instance_uid)
            ends = instances[:1] if len(instances) < 2 else [instances[0], instances[-1]]
            try:
                one = ct_series(instance_reader.headers(ends))
            except (StorageFull, StorageUnavailable):
                raise
            except MediViewError as error:
                # Damaged, or deleted meanwhile: the others are judged without it.
                uid = series.series_instance_uid
                log.warning("phase_not_read", series_instance_uid=uid, error=error.code)
                continue
            if one is not None:
                found.append(one)
        return tuple(found)

    with of_study(read):
        yield
