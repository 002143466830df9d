"""How a series lies to another, as a DICOM Spatial Registration (PS3.3 A.39.1), for applications
that are given the images as they were sent."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SpatialRegistrationStorage
from pydicom.valuerep import format_number_as_ds

from inference.result_identity import DEVICE_SERIAL_NUMBER, MANUFACTURER, local_time
from inference.results.patient_and_study import inherit_patient_and_study
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.dicom.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME


def spatial_registration(
    reference: Dataset, moved: Sequence[Dataset], reference_from_moved: NDArray[np.float64]
) -> Dataset:
    """Of the patient and study of the reference, in whose Frame of Reference all comes to lie.

    `reference`: any image of it. `reference_from_moved`: 4x4, in mm, LPS. It is given to an
    application and nobody else: no object of the node refers to it.
    """
    at = local_time(utcnow(), reference)
    uid = derive_uid("registration", str(reference.SeriesInstanceUID), str(moved[0].SOPInstanceUID))
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID = SpatialRegistrationStorage
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID = UID(uid)
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    found.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    found.Modality, found.SeriesNumber, found.InstanceNumber = "REG", None, 1
    found.SeriesInstanceUID = derive_uid("registration series", uid)
    found.SeriesDate = found.ContentDate = at.strftime("%Y%m%d")
    found.SeriesTime = found.ContentTime = at.strftime("%H%M%S")
    found.Manufacturer = found.ManufacturerModelName = MANUFACTURER
    found.DeviceSerialNumber, found.SoftwareVersions = DEVICE_SERIAL_NUMBER, MANUFACTURER
    found.Laterality = None
    found.FrameOfReferenceUID = reference.FrameOfReferenceUID
    found.PositionReferenceIndicator = None
    found.ContentLabel, found.ContentCreatorName = "REGISTRATION", None
    found.ContentDescription = "Rigid, by mutual information, research use only"
    found.RegistrationSequence = [
        _item([reference], np.eye(4)),
        _item(moved, reference_from_moved),
    ]
    found.ReferencedSeriesSequence = _by_series(
        one for one in (reference, *moved) if one.StudyInstanceUID == reference.StudyInstanceUID
    )
    others = [one for one in moved if one.StudyInstanceUID != reference.StudyInstanceUID]
    if others:
        study = Dataset()
        study.StudyInstanceUID = others[0].StudyInstanceUID
        study.ReferencedSeriesSequence = _by_series(others)
        found.StudiesContainingOtherReferencedInstancesSequence = [study]
    inherit_patient_and_study(found, reference)
    return found


def _item(images: Sequence[Dataset], matrix: NDArray[np.float64]) -> Dataset:
    """A Frame of Reference and how it comes to lie in the registered one (PS3.3 C.20.2.1.1)."""
    stated = Dataset()
    stated.FrameOfReferenceTransformationMatrixType = "RIGID"
    stated.FrameOfReferenceTransformationMatrix = [
        format_number_as_ds(float(one)) for one in matrix.ravel()
    ]
    registration = Dataset()
    registration.RegistrationTypeCodeSequence = None
    registration.MatrixSequence = [stated]
    item = Dataset()
    item.FrameOfReferenceUID = images[0].FrameOfReferenceUID
    item.ReferencedImageSequence = [_reference(one) for one in images]
    item.MatrixRegistrationSequence = [registration]
    return item


def _by_series(images: Iterable[Dataset]) -> list[Dataset]:
    series: dict[str, Dataset] = {}
    for one in images:
        uid = str(one.SeriesInstanceUID)
        if uid not in series:
            series[uid] = Dataset()
            series[uid].SeriesInstanceUID = uid
            series[uid].ReferencedInstanceSequence = []
        series[uid].ReferencedInstanceSequence.append(_reference(one))
    return [*series.values()]


def _reference(image: Dataset) -> Dataset:
    found = Dataset()
    found.ReferencedSOPClassUID = image.SOPClassUID
    found.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return found
