"""A study of one chest film (DX), of the chest that is drawn here.

The same film each time, so that a second demo is the first one sent again.
"""

import hashlib
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from api.demo.chest import SPACING_MM, ChestFilm
from dicom_node.scu import SendItem
from storage.core.uids import derive_uid

# Follows the bytes that `write_film` makes: a change of them is another study.
_VERSION = "1"
_DATE, _TIME = "20240102", "120000"
ORIGIN = "Drawn by formulas, no person"


def study_instance_uid(film: ChestFilm, salt: str = "") -> str:
    """Another `salt` is another study."""
    return _uid(film, salt, "study")


def series_instance_uid(film: ChestFilm, salt: str = "") -> str:
    """Of the one series of the study."""
    return _uid(film, salt, "series")


def send_item(film: ChestFilm, salt: str = "") -> SendItem:
    """The film for C-STORE."""
    data = write_film(film, salt)
    return SendItem(
        DigitalXRayImageStorageForPresentation,
        _uid(film, salt, "instance"),
        ExplicitVRLittleEndian,
        lambda: BytesIO(data),
    )


def write_film(film: ChestFilm, salt: str = "") -> bytes:
    """Digital X-Ray Image Storage - For Presentation (PS3.3 A.26), as a part-10 file."""
    dataset = Dataset()
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = _uid(film, salt, "instance")
    dataset.StudyInstanceUID = study_instance_uid(film, salt)
    dataset.SeriesInstanceUID = series_instance_uid(film, salt)
    _describe(dataset)
    _place(dataset)
    _draw(dataset, film)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _uid(film: ChestFilm, salt: str, *parts: str) -> str:
    digest = hashlib.sha256(film.pixels.tobytes()).hexdigest()
    return derive_uid("demo film", _VERSION, digest, salt, *parts)


def _describe(dataset: Dataset) -> None:
    """Patient, study, series and equipment."""
    dataset.PatientName, dataset.PatientID = "DEMO^CHEST", "DEMO-CHEST"
    dataset.PatientBirthDate, dataset.PatientSex = "", "O"
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = dataset.AcquisitionDate = _DATE
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = dataset.AcquisitionTime = _TIME
    dataset.StudyID, dataset.AccessionNumber = "DEMO", ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "Demo: a chest film"
    dataset.Modality, dataset.PresentationIntentType = "DX", "FOR PRESENTATION"
    dataset.SeriesNumber = dataset.InstanceNumber = dataset.AcquisitionNumber = 1
    dataset.SeriesDescription = "Chest PA demo"
    dataset.Manufacturer, dataset.ManufacturerModelName = "MediViewAI demo", ORIGIN
    # Type 2 of DX: nothing was irradiated, so nothing is claimed of it.
    dataset.DetectorType = dataset.PositionerType = None
    dataset.AcquisitionContextSequence = []


def _place(dataset: Dataset) -> None:
    """DX Anatomy Imaged, DX Positioning and DX Detector (PS3.3 C.8.11.2, C.8.11.5, C.8.11.4)."""
    dataset.BodyPartExamined, dataset.ImageLaterality = "CHEST", "U"
    dataset.AnatomicRegionSequence = [_code("51185008", "Chest")]
    dataset.ViewPosition = "PA"
    dataset.ViewCodeSequence = [_code("272479007", "postero-anterior")]
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = []
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImagerPixelSpacing = [SPACING_MM, SPACING_MM]


def _draw(dataset: Dataset, film: ChestFilm) -> None:
    """DX Image (PS3.3 C.8.11.3)."""
    dataset.ImageType = ["DERIVED", "PRIMARY", ""]
    dataset.DerivationDescription = ORIGIN
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = film.pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    # Higher values are of less intensity (PS3.3 C.8.11.3.1.2).
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", -1
    # As text, since the standard names these very values.
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.PresentationLUTShape, dataset.LossyImageCompression = "IDENTITY", "00"
    dataset.BurnedInAnnotation = "NO"
    dataset.WindowCenter, dataset.WindowWidth = 1350, 2700
    dataset.PixelData = film.pixels.astype("<u2").tobytes()


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code
