"""Small instances for the storage floor, written by pydicom."""

from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from storage.core.uids import derive_uid


def part10(
    study: str = "study",
    series: str = "series",
    instance: str = "instance",
    transfer_syntax_uid: UID = ExplicitVRLittleEndian,
    **attributes: object,
) -> bytes:
    """A part 10 file; equal names give equal UIDs. Keywords set further attributes."""
    dataset = Dataset()
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = derive_uid("test", study, series, instance)
    dataset.StudyInstanceUID = derive_uid("test", study)
    dataset.SeriesInstanceUID = derive_uid("test", study, series)
    dataset.PatientID = "P1"
    dataset.PatientName = "Müller^Jürgen"
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.Modality = "MR"
    dataset.Rows, dataset.Columns = 2, 3
    dataset.BitsAllocated = 16
    dataset.PixelData = bytes(12)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = transfer_syntax_uid
    dataset["PixelData"].VR = "OW"
    buffer = BytesIO()
    dataset.save_as(
        buffer,
        enforce_file_format=True,
        little_endian=transfer_syntax_uid.is_little_endian,
        implicit_vr=transfer_syntax_uid.is_implicit_VR,
    )
    return buffer.getvalue()
