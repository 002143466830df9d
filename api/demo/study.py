"""A T1-weighted head study: of the head that is drawn here, or of a NIfTI image that someone names.

The same image always gives the same study, so a second demo is the first one sent again.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from api.demo.head import draw_head
from dicom_node.scu import SendItem
from storage.core.errors import NotConfigured
from storage.core.uids import derive_uid

# Follows the bytes that `write_instance` makes: a change of them is another study.
_VERSION = "2"
_DATE, _TIME = "20240101", "120000"

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Template:
    """A head in patient space.

    `slices` uint16, shape (slices, rows, columns): rows run to the back,
    columns to the left, slices to the top. `lps_from_kji` maps a zero-based
    (slice, row, column) index to the voxel's centre in mm. `origin` goes into the study as its
    device, at most 64 characters.
    """

    slices: NDArray[np.uint16]
    lps_from_kji: FloatArray
    sha256: str
    origin: str


def drawn_template() -> Template:
    """The head of `api.demo.head`."""
    head = draw_head()
    digest = hashlib.sha256(head.voxels.tobytes()).hexdigest()
    return Template(head.voxels, head.lps_from_kji, digest, "Drawn by formulas, no person")


def read_template(path: Path) -> Template:
    """Read a NIfTI head. Raises NotConfigured when it is not a three-dimensional image."""
    try:
        image = nibabel.as_closest_canonical(nibabel.load(path))
        voxels = np.asanyarray(image.dataobj)
    except (ImageFileError, OSError, ValueError, EOFError) as error:
        raise NotConfigured(
            f"{path} is not a readable NIfTI image.", remedy="Name another file with --template."
        ) from error
    if voxels.ndim != 3:
        raise NotConfigured(
            f"{path} has {voxels.ndim} dimensions; a head has three.",
            remedy="Name another file with --template.",
        )
    # Now i runs to the right, j to the front, k to the top. DICOM's axial rows run to the
    # back and its columns to the left, so i and j are turned round.
    nx, ny, _ = voxels.shape
    slices = voxels[::-1, ::-1, :].transpose(2, 1, 0)
    ras_from_ijk = np.asarray(image.affine, dtype=np.float64)
    ijk_from_kji = np.array(
        [[0, 0, -1, nx - 1], [0, -1, 0, ny - 1], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64
    )
    lps_from_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    return Template(
        _as_uint16(slices),
        lps_from_ras @ ras_from_ijk @ ijk_from_kji,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        "Made from a NIfTI image",
    )


def _as_uint16(voxels: NDArray[np.generic]) -> NDArray[np.uint16]:
    values = voxels.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 4095 or not np.issubdtype(voxels.dtype, np.integer):
        values = (values - low) * (4095.0 / max(high - low, 1e-9))
    return np.ascontiguousarray(np.rint(values).astype(np.uint16))


def write_instances(template: Template, salt: str = "") -> list[bytes]:
    """The study as part-10 files, from bottom to top; another `salt` is another study."""
    return [_write_instance(template, k, salt) for k in range(len(template.slices))]


def send_items(files: Sequence[bytes], template: Template, salt: str = "") -> list[SendItem]:
    """The same as items for C-STORE."""

    def opener(data: bytes) -> Callable[[], BinaryIO]:
        return lambda: BytesIO(data)

    return [
        SendItem(
            MRImageStorage,
            _uid(template, salt, "instance", str(k)),
            ExplicitVRLittleEndian,
            opener(data),
        )
        for k, data in enumerate(files)
    ]


def study_instance_uid(template: Template, salt: str = "") -> str:
    return _uid(template, salt, "study")


def _uid(template: Template, salt: str, *parts: str) -> str:
    return derive_uid("demo", _VERSION, template.sha256, salt, *parts)


def _write_instance(template: Template, k: int, salt: str) -> bytes:
    """One slice as MR Image Storage (PS3.3 A.4)."""
    dataset = Dataset()
    _describe_patient_and_study(dataset)
    _describe_series(dataset, template.origin)
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = _uid(template, salt, "instance", str(k))
    dataset.StudyInstanceUID = study_instance_uid(template, salt)
    dataset.SeriesInstanceUID = _uid(template, salt, "series")
    dataset.FrameOfReferenceUID = _uid(template, salt, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.InstanceNumber = k + 1
    _place(dataset, template.lps_from_kji, k)
    _draw(dataset, template.slices[k], int(template.slices.max()))

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _describe_patient_and_study(dataset: Dataset) -> None:
    dataset.PatientName = "DEMO^HEAD"
    dataset.PatientID = "DEMO-HEAD"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = dataset.AcquisitionDate = _DATE
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = dataset.AcquisitionTime = _TIME
    dataset.StudyID = "DEMO"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "Demo: a T1-weighted head"


def _describe_series(dataset: Dataset, origin: str) -> None:
    dataset.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    dataset.Modality = "MR"
    dataset.SeriesNumber = 1
    dataset.AcquisitionNumber = 1
    dataset.SeriesDescription = dataset.ProtocolName = "T1w 3D demo"
    dataset.Manufacturer = "MediViewAI demo"
    dataset.ManufacturerModelName = origin
    dataset.BodyPartExamined = "HEAD"
    dataset.PatientPosition = "HFS"
    dataset.MRAcquisitionType = "3D"
    # Nothing is known of an acquisition, so nothing is claimed.
    dataset.ScanningSequence = "RM"
    dataset.SequenceVariant = "NONE"
    dataset.ScanOptions = ""
    dataset.EchoTime = dataset.RepetitionTime = dataset.EchoTrainLength = None


def _place(dataset: Dataset, lps_from_kji: FloatArray, k: int) -> None:
    """Image Plane (PS3.3 C.7.6.2)."""
    # The vectors along a growing column, row and slice index.
    along_columns, along_rows, along_slices = (lps_from_kji[:3, axis] for axis in (2, 1, 0))
    column_mm, row_mm, slice_mm = (
        float(np.linalg.norm(one)) for one in (along_columns, along_rows, along_slices)
    )
    dataset.ImagePositionPatient = [_ds(mm) for mm in lps_from_kji[:3, 3] + k * along_slices]
    dataset.ImageOrientationPatient = [
        _ds(cosine) for cosine in (*(along_columns / column_mm), *(along_rows / row_mm))
    ]
    # Between rows first, which is the step along a column (PS3.3 10.7.1.3).
    dataset.PixelSpacing = [_ds(row_mm), _ds(column_mm)]
    dataset.SliceThickness = dataset.SpacingBetweenSlices = _ds(slice_mm)


def _draw(dataset: Dataset, pixels: NDArray[np.uint16], highest: int) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = 12
    dataset.HighBit = 11
    dataset.PixelRepresentation = 0
    dataset.WindowCenter, dataset.WindowWidth = _ds(highest / 2), _ds(max(highest, 1))
    dataset.PixelData = pixels.astype("<u2").tobytes()


def _ds(value: float) -> str:
    """A decimal string of at most 16 characters (PS3.5 Table 6.2-1)."""
    rounded = round(float(value), 6)
    return f"{rounded + 0.0:.10g}"
