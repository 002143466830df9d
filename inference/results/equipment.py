"""Which equipment made a result, and the file meta with which it leaves."""

from collections.abc import Sequence
from datetime import datetime

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from inference.pipeline import Pipeline
from inference.result_identity import MANUFACTURER
from storage.core.text.long_string import long_string
from storage.dicom.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME


def contributing_equipment(
    pipeline: Pipeline, source: Dataset, at: datetime
) -> list[hd.ContributingEquipment]:
    """Who acquired the images and which model processed them (PS3.3 C.12.1.1.5)."""
    card = pipeline.card
    equipment = []
    manufacturer = str(source.get("Manufacturer") or "").strip()
    if manufacturer:
        equipment.append(
            hd.ContributingEquipment(
                manufacturer=long_string(manufacturer),
                purpose_of_reference=codes.DCM.AcquisitionEquipment,
                manufacturer_model_name=long_string(str(source.get("ManufacturerModelName") or ""))
                or None,
                contribution_description="Acquisition of the source images",
            )
        )
    equipment.append(
        hd.ContributingEquipment(
            manufacturer=MANUFACTURER,
            purpose_of_reference=codes.DCM.ProcessingEquipment,
            manufacturer_model_name=long_string(card.name),
            software_versions=long_string(card.version),
            contribution_datetime=at.replace(tzinfo=None),
            contribution_description=f"{pipeline.name} {pipeline.version}, research use only",
        )
    )
    return equipment


def node_equipment(at: datetime) -> list[hd.ContributingEquipment]:
    """This node alone: it recorded what a person drew or stated."""
    return [
        hd.ContributingEquipment(
            manufacturer=MANUFACTURER,
            purpose_of_reference=codes.DCM.ProcessingEquipment,
            manufacturer_model_name=MANUFACTURER,
            contribution_datetime=at.replace(tzinfo=None),
            contribution_description="Recording of what a reader stated, research use only",
        )
    ]


def finish(result: Dataset, at: datetime, equipment: Sequence[Dataset]) -> Dataset:
    """Set what would differ from run to run, and name this node as the writer."""
    # The encoder lists itself with the time of its run, which no two runs share.
    result.ContributingEquipmentSequence = list(equipment)
    result.InstanceCreationDate = at.strftime("%Y%m%d")
    result.InstanceCreationTime = at.strftime("%H%M%S")
    result.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    result.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return result
