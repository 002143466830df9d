"""Studies with as many instances as real ones, each of a few hundred pixels."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    MRImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    XRayAngiographicImageStorage,
)

from benchmarks.support.hospital_day import Arrival
from tests import builders
from tests.dicom_node.builders import data_set_bytes, encoded

SOP_CLASSES: dict[str, UID] = {
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "DX": DigitalXRayImageStorageForPresentation,
    "CR": ComputedRadiographyImageStorage,
    "US": UltrasoundImageStorage,
    "MG": DigitalMammographyXRayImageStorageForPresentation,
    "PT": PositronEmissionTomographyImageStorage,
    "XA": XRayAngiographicImageStorage,
    "NM": NuclearMedicineImageStorage,
    "OT": SecondaryCaptureImageStorage,
}
STAT_DEPARTMENT = "EMERGENCY"
BODY_PARTS = {"CT": "CHEST", "MR": "HEAD"}
"""Of what the pipelines take; other series are of the knee."""
_STUDY, _SERIES, _INSTANCE, _FRAME = (f"2.25.9{n}{'0' * 30}" for n in range(4))
_PATIENT = "DAY-0000000000000000"
_SIDE = (24, 32)


def study(arrival: Arrival, number: int) -> Iterator[tuple[str, str, bytes]]:
    """Series and SOP Instance UID, and the data set, of each instance in turn."""
    of_study = study_uid(number)
    count = 0
    for place, length in enumerate(arrival.series):
        part = BODY_PARTS[arrival.modality] if arrival.is_for_pipeline and place == 0 else "KNEE"
        series = f"2.25.12{number:015d}{place:015d}"
        for index in range(length):
            uid = f"2.25.13{number:015d}{count:015d}"
            count += 1
            data = _template(arrival.modality, index, part, arrival.is_stat)
            for mark, value in (
                (_STUDY, of_study),
                (_SERIES, series),
                (_INSTANCE, uid),
                (_FRAME, f"2.25.14{number:015d}{0:015d}"),
                (_PATIENT, f"DAY-{number:016d}"),
            ):
                data = data.replace(mark.encode(), value.encode())
            yield series, uid, data


def study_uid(number: int) -> str:
    return f"2.25.11{number:015d}{0:015d}"


@cache
def _template(modality: str, index: int, body_part: str, is_stat: bool) -> bytes:
    voxels = np.full((1, *_SIDE), 40, np.int16)
    voxels[0, 6:16, 8:20] = 900 + index % 7
    attributes: dict[str, Any] = {
        "StudyInstanceUID": _STUDY,
        "SeriesInstanceUID": _SERIES,
        "SOPInstanceUID": _INSTANCE,
        "FrameOfReferenceUID": _FRAME,
        "PatientID": _PATIENT,
        "SOPClassUID": SOP_CLASSES[modality],
        "Modality": modality,
        "BodyPartExamined": body_part,
        "InstitutionalDepartmentName": STAT_DEPARTMENT if is_stat else "RADIOLOGY",
        "InstanceNumber": index + 1,
    }
    (made,) = builders.series(
        voxels, spacing_mm=(1.0, 1.0, 1.0), origin_mm=(0.0, 0.0, float(index)), **attributes
    )
    made.file_meta.MediaStorageSOPClassUID = SOP_CLASSES[modality]
    made.file_meta.MediaStorageSOPInstanceUID = UID(_INSTANCE)
    return data_set_bytes(encoded(made))
