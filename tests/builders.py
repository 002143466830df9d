"""Series that the tests make: regular, oblique, anisotropic, and awkward in one named way."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    generate_uid,
)
from pydicom.valuerep import format_number_as_ds

SOP_CLASSES = {
    "MR": MRImageStorage,
    "CT": CTImageStorage,
    "PT": PositronEmissionTomographyImageStorage,
}


def rotation(around_x: float, around_y: float, around_z: float) -> NDArray[np.float64]:
    """A rotation matrix from three angles in degrees."""
    x, y, z = np.radians((around_x, around_y, around_z))
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    turned: NDArray[np.float64] = about_z @ about_y @ about_x
    return turned


def asymmetric_mask(shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """A shape without any symmetry, so that no flip, swap or shift goes unseen.

    A thick arm along each axis, of different lengths, from one corner region; the first and
    the last slices are empty.
    """
    k, j, i = shape
    mask = np.zeros(shape, np.bool_)
    mask[1 : k // 2 + 1, 1:3, 1:3] = True
    mask[1:2, 1 : j - 1, 1:2] = True
    mask[1:3, 1:2, 1 : max(3, i - 3)] = True
    return mask


def series(
    voxels: NDArray[np.integer],
    *,
    modality: str = "MR",
    spacing_mm: tuple[float, float, float] = (2.5, 0.8, 0.6),
    directions: NDArray[np.float64] | None = None,
    origin_mm: Sequence[float] = (-40.0, 25.0, -12.5),
    slope: float = 1.0,
    intercept: float = 0.0,
    seed: int = 0,
    **attributes: object,
) -> list[Dataset]:
    """One classic instance a slice, in the order of k.

    `voxels` are stored values, shape (slices, rows, columns); `spacing_mm` is between
    slices, rows and columns. The columns of `directions` are the directions of increasing
    column, row and slice index. `attributes` are set in every instance by keyword.
    """
    frame = np.eye(3) if directions is None else directions
    study, series_uid, frame_of_reference = (
        generate_uid(entropy_srcs=[str(seed), part]) for part in ("study", "series", "frame")
    )
    datasets = []
    for k, plane in enumerate(voxels):
        ds = _instance(plane, modality)
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series_uid
        ds.SOPInstanceUID = generate_uid(entropy_srcs=[str(seed), str(k)])
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.FrameOfReferenceUID = frame_of_reference
        ds.InstanceNumber = k + 1
        position = np.asarray(origin_mm) + frame[:, 2] * spacing_mm[0] * k
        ds.ImagePositionPatient = _decimals(position)
        ds.ImageOrientationPatient = _decimals([*frame[:, 0], *frame[:, 1]])
        ds.PixelSpacing = _decimals(spacing_mm[1:])
        ds.SliceThickness = format_number_as_ds(spacing_mm[0])
        ds.RescaleSlope, ds.RescaleIntercept = (
            format_number_as_ds(slope),
            format_number_as_ds(intercept),
        )
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)
        datasets.append(ds)
    return datasets


def t1_head(shape: tuple[int, int, int] = (80, 96, 90), **attributes: Any) -> list[Dataset]:
    """Headers of a plausible 3D T1-weighted head MR over noise (2 mm voxels)."""
    voxels = np.random.default_rng(5).integers(0, 900, shape, dtype=np.int16)
    stated: dict[str, Any] = {
        "SeriesDescription": "t1_mprage_sag_p2_iso",
        "MRAcquisitionType": "3D",
        "ScanningSequence": ["GR", "IR"],
        "SequenceVariant": ["SK", "SP", "MP"],
        "RepetitionTime": "2300",
        "EchoTime": "2.98",
        "InversionTime": "900",
        "FlipAngle": "9",
        "BodyPartExamined": "BRAIN",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"],
    }
    return series(voxels, spacing_mm=(2.0, 2.0, 2.0), **{**stated, **attributes})


def enhanced_mr(datasets: Sequence[Dataset], frame_order: Sequence[int]) -> Dataset:
    """The same slices as one Enhanced MR instance, its frames in `frame_order`."""
    first = datasets[0]
    ds = copy.deepcopy(first)
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
        "SliceThickness",
    ):
        delattr(ds, keyword)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    ds.NumberOfFrames = len(frame_order)
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = first.PixelSpacing, first.SliceThickness
    orientation.ImageOrientationPatient = first.ImageOrientationPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    ds.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for index in frame_order:
        group, position, transformation = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = datasets[index].ImagePositionPatient
        transformation.RescaleSlope = datasets[index].RescaleSlope
        transformation.RescaleIntercept = datasets[index].RescaleIntercept
        group.PlanePositionSequence = [position]
        group.PixelValueTransformationSequence = [transformation]
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = groups
    ds.PixelData = b"".join(datasets[index].PixelData for index in frame_order)
    return ds


def moved(dataset: Dataset, by_mm: Sequence[float]) -> Dataset:
    """A copy of an instance at another place, with a UID of its own."""
    other = copy.deepcopy(dataset)
    position = np.asarray(dataset.ImagePositionPatient, dtype=np.float64) + by_mm
    other.ImagePositionPatient = _decimals(position)
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return other


def write(datasets: Sequence[Dataset], folder: Path) -> list[Path]:
    """Write each as a part-10 file named by its place in the sequence."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, ds in enumerate(datasets):
        path = folder / f"{index:04d}.dcm"
        ds.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _instance(plane: NDArray[np.integer], modality: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = SOP_CLASSES[modality]
    ds.Modality = modality
    ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    ds.PatientName, ds.PatientID = "Müller^Grete", "TEST-7"
    ds.PatientBirthDate, ds.PatientSex = "19570301", "F"
    ds.StudyDate, ds.StudyTime = "20260102", "101500"
    ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = "S1", "ACC1", "Ärztin^A"
    ds.SeriesNumber = 4
    ds.Manufacturer = "Builder"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = plane.shape
    bits = plane.dtype.itemsize * 8
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = 1 if plane.dtype.kind == "i" else 0
    ds.PixelData = np.ascontiguousarray(plane.astype(plane.dtype.newbyteorder("<"))).tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def _decimals(values: Sequence[float] | NDArray[np.float64]) -> list[str]:
    return [format_number_as_ds(float(value)) for value in values]
