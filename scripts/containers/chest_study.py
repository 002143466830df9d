"""A chest CT of nobody as files, for `lung-density`: 76 axial slices, 3 mm apart."""

import sys
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.inference.chest import SPACING_MM, chest


def write_chest(folder: Path) -> tuple[str, int]:
    """The study's UID, and the number of its instances."""
    body = chest()
    study, series, frame_of_reference = generate_uid(), generate_uid(), generate_uid()
    for index, hu in enumerate(body.hu):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = frame_of_reference, ""
        ds.PatientName, ds.PatientID, ds.PatientSex = "Composed^Chest", "COMPOSE-1", "O"
        ds.PatientBirthDate, ds.AccessionNumber, ds.StudyID = "19610203", "COMPOSE1", "1"
        ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20260102"
        ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "101112"
        ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "CT", "Nobody", "Drawn"
        ds.ReferringPhysicianName = ""
        ds.BodyPartExamined, ds.SeriesDescription, ds.PatientPosition = "CHEST", "Chest", "HFS"
        ds.ImageType, ds.ConvolutionKernel, ds.KVP = (
            ["ORIGINAL", "PRIMARY", "AXIAL"],
            "STANDARD",
            120,
        )
        ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = 1, 1, index + 1
        ds.ImagePositionPatient = [float(one) for one in body.lps_from_kji[:3, 3]]
        ds.ImagePositionPatient[2] += index * SPACING_MM[0]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = list(SPACING_MM[1:]), SPACING_MM[0]
        ds.Rows, ds.Columns = hu.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "HU"
        ds.PixelData = hu.astype(np.int16).tobytes()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.save_as(folder / f"{index + 1:03}.dcm", enforce_file_format=True)
    return str(study), len(body.hu)
