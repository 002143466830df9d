"""Which instances of a series pipelines are given, where several senders have put some into it.

Who knows a UID may add to a series of others, as DICOM has it (docs/security.md). Images of
another patient among those that began it would have every pipeline refuse it, or be analysed.
"""

import structlog

from storage.core.caveats import Caveat
from storage.core.entities import Instance
from storage.core.errors import MediViewError, StorageUnavailable
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

log = structlog.get_logger(__name__)


def fitting_instances(
    index: Index, reader: InstanceReader, study_instance_uid: str, series_instance_uid: str
) -> list[Instance]:
    """Those of the series without what another sender than the first added for another patient.

    The bytes of other senders' instances are looked at, of most series none. Raises
    StorageUnavailable.
    """
    instances = index.instances_of(study_instance_uid, series_instance_uid)
    if len({one.source for one in instances}) < 2:
        return instances
    first = min(instances, key=lambda one: (one.received_at, one.sop_instance_uid))
    known = reader.patient_keys(study_instance_uid)

    def fits(one: Instance) -> bool:
        try:
            return one.source == first.source or not reader.names_another_patient(one, known)
        except StorageUnavailable:
            raise
        except MediViewError:
            # Nobody knows whose it is.
            return False

    found = [one for one in instances if fits(one)]
    if len(found) < len(instances):
        log.warning(
            "instances_of_another_patient_left_out",
            series_instance_uid=series_instance_uid,
            count=len(instances) - len(found),
        )
    return found


def left_out_of(series_count: int, taken_count: int) -> Caveat | None:
    """What a reader of the results must know of instances that do not fit."""
    count = series_count - taken_count
    if count <= 0:
        return None
    images = "One image" if count == 1 else f"{count} images"
    names = "names" if count == 1 else "name"
    return Caveat(
        "part_of_series",
        f"{images} of the series that another sender added {names} another patient, and"
        f" {'was' if count == 1 else 'were'} left out.",
    )
