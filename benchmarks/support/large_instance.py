"""One large multi-frame instance, written frame by frame."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
)

_SIDE = 512


def write_multiframe(path: Path, size_mb: int) -> Path:
    """A secondary capture of `size_mb` MB in frames of 512 × 512 words."""
    frame_bytes = _SIDE * _SIDE * 2
    count = max(1, size_mb * 1_000_000 // frame_bytes)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("2.25.4711003")
    dataset.SOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    dataset.SOPInstanceUID = "2.25.4711003"
    dataset.StudyInstanceUID = "2.25.4711001"
    dataset.SeriesInstanceUID = "2.25.4711002"
    dataset.PatientID, dataset.PatientName, dataset.Modality = "LARGE", "Large^Multi", "OT"
    dataset.Rows = dataset.Columns = _SIDE
    dataset.NumberOfFrames = count
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    with path.open("wb") as file:
        pydicom.dcmwrite(file, dataset, enforce_file_format=True)
        length = count * frame_bytes
        file.write(b"\xe0\x7f\x10\x00OW\x00\x00" + length.to_bytes(4, "little"))
        ramp = np.arange(_SIDE * _SIDE, dtype="<u2")
        for number in range(count):
            file.write((ramp + np.uint16(number)).tobytes())
    return path
