"""What lies in a study and names another patient than the study.

A study has the patient whom its first instance named. Everybody who knows its UIDs may send a
segmentation, report or presentation state for it that names somebody else.
"""

import time
from dataclasses import dataclass, field

from sqlalchemy import Engine, case, func, or_, select

from storage import tables as t
from storage.core.entities import Instance
from storage.core.errors import MediViewError, NotFound, StorageUnavailable
from storage.db.engine import reading
from storage.dicom.modalities import MADE_OF_IMAGES
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_instances
from storage.integrity.instance_reader import InstanceReader
from storage.patient_identity.study_patients import patient_keys

# What is made from images (PS3.4 B.5), by SOP class, since anybody may write any Modality; by
# Modality too, for private classes. Of all others one instance of each series is looked at, which
# tells whose images they are.
_ROOT = "1.2.840.10008.5.1.4.1.1."
_CLASSES = (
    "66.",  # segmentations, registrations, fiducials, surfaces
    "481.",  # radiotherapy: structure sets, plans, doses
    "11.",  # presentation states
    "88.",  # structured reports, key objects
    "104.",  # encapsulated documents
    "30",  # parametric maps
)
_RT_IMAGE = _ROOT + "481.1"
# Drawn over images: these are looked at first.
_SEGMENTATIONS = (*SEGMENTATION_CLASSES, _ROOT + "66.5")
_STRUCTURE_SETS = (_ROOT + "481.3",)
_BUDGET_S = 1.0


@dataclass
class OtherPatients:
    """What was found in one look, in the order of looking."""

    others: list[Instance] = field(default_factory=list)
    unchecked: list[Instance] = field(default_factory=list)
    """What could not be read now, or not in time: whom these name is not known."""


def instances_of_other_patients(
    engine: Engine,
    instances: InstanceReader,
    study_instance_uid: str,
    budget_s: float = _BUDGET_S,
) -> OtherPatients:
    """Reads until the storage is out of reach or the time is over; later calls go on from there,
    as the process remembers what it has read."""
    made = t.instance.c.sop_class_uid
    first = (
        select(func.min(t.instance.c.id))
        .join(t.series, t.series.c.id == t.instance.c.series_fk)
        .join(t.study, t.study.c.id == t.series.c.study_fk)
        .where(t.study.c.study_instance_uid == study_instance_uid)
        .group_by(t.instance.c.series_fk)
    )
    is_made = or_(
        *(made.startswith(_ROOT + ending, autoescape=True) for ending in _CLASSES),
        t.series.c.modality.in_(sorted(MADE_OF_IMAGES)),
    )
    order = case(
        (made.in_(_SEGMENTATIONS), 0),
        (made.in_(_STRUCTURE_SETS), 1),
        (is_made, 2),
        else_=3,
    )
    query = select_instances(
        t.study.c.study_instance_uid == study_instance_uid,
        or_(is_made & (made != _RT_IMAGE), t.instance.c.id.in_(first)),
    ).order_by(order, t.instance.c.id)
    with reading(engine) as connection:
        found = [to_instance(row) for row in connection.execute(query).mappings()]
        known = patient_keys(connection, study_instance_uid)
    answer = OtherPatients()
    deadline = time.monotonic() + budget_s
    may_read = not instances.is_out_of_reach
    for one in found:
        is_known = instances.knows_stated_patient(one)
        if not may_read and not is_known:
            answer.unchecked.append(one)
            continue
        try:
            if instances.names_another_patient(one, known):
                answer.others.append(one)
        except NotFound:
            pass  # deleted meanwhile
        except StorageUnavailable:
            may_read = False
            answer.unchecked.append(one)
        except MediViewError:
            answer.unchecked.append(one)
        if not is_known and time.monotonic() >= deadline:
            may_read = False
    return answer
