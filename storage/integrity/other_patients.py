"""What lies in a study and names another patient than the study.

A study has the patient whom its first instance named. Everybody who knows its UIDs may send a
segmentation, report or presentation state for it that names somebody else.
"""

from collections.abc import Collection

from sqlalchemy import Engine, func, or_, select

from storage import tables as t
from storage.core.entities import Instance
from storage.core.errors import MediViewError
from storage.db.engine import reading
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_instances
from storage.integrity.instance_reader import InstanceReader
from storage.patient_identity.entities import PatientKey
from storage.patient_identity.study_patients import patient_keys

# Of all others one instance each is looked at, which tells whose images they are.
_MADE_FROM_IMAGES = ("SEG", "SR", "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "FID")
_MOST = 500


def instances_of_other_patients(
    engine: Engine, instances: InstanceReader, study_instance_uid: str
) -> list[Instance]:
    """Of at most 500. One that cannot be read now is left out."""
    first = (
        select(func.min(t.instance.c.id))
        .join(t.series, t.series.c.id == t.instance.c.series_fk)
        .join(t.study, t.study.c.id == t.series.c.study_fk)
        .where(t.study.c.study_instance_uid == study_instance_uid)
        .group_by(t.instance.c.series_fk)
    )
    query = select_instances(
        t.study.c.study_instance_uid == study_instance_uid,
        or_(t.series.c.modality.in_(_MADE_FROM_IMAGES), t.instance.c.id.in_(first)),
    ).limit(_MOST)
    with reading(engine) as connection:
        found = [to_instance(row) for row in connection.execute(query).mappings()]
        known = patient_keys(connection, study_instance_uid)
    return [one for one in found if _names_another(instances, one, known)]


def _names_another(
    instances: InstanceReader, instance: Instance, known: Collection[PatientKey]
) -> bool:
    try:
        return instances.names_another_patient(instance, known)
    except MediViewError:
        return False
