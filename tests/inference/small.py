"""A small real series and a small real pipeline, for what goes on around a model."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from inference.pipeline import (
    Acceptance,
    Measurement,
    ModelCard,
    PipelineContext,
    PipelineOutput,
    Readiness,
    Segment,
)
from storage.core.entities import Instance, Series
from storage.core.findings import Code, Validity
from storage.core.uids import derive_uid

PATIENT_NAME = "Quernhammer^Adalbert"


def study_uid(name: str) -> str:
    return derive_uid("test-study", name)


def series_uid(name: str) -> str:
    return derive_uid("test-series", name)


def mr_slice(
    name: str, number: int, *, position_mm: float | None = None, rows: int = 24, columns: int = 32
) -> bytes:
    """One axial MR slice as a part-10 file; slices of one `name` make one series."""
    dataset = Dataset()
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = derive_uid("test-instance", name, str(number))
    dataset.StudyInstanceUID = study_uid(name)
    dataset.SeriesInstanceUID = series_uid(name)
    dataset.FrameOfReferenceUID = derive_uid("test-frame", name)
    dataset.PatientName = PATIENT_NAME
    dataset.PatientID = "Q-4711"
    dataset.PatientBirthDate = "19500102"
    dataset.PatientSex = "O"
    dataset.StudyDate, dataset.StudyTime = "20240131", "101500"
    dataset.AccessionNumber, dataset.StudyID, dataset.ReferringPhysicianName = "A1", "1", ""
    dataset.Modality, dataset.Manufacturer = "MR", "Phantom"
    dataset.SeriesNumber, dataset.InstanceNumber = 3, number
    dataset.PositionReferenceIndicator = ""
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    z_mm = 2.0 * number if position_mm is None else position_mm
    dataset.ImagePositionPatient = [-16, -12, z_mm]
    dataset.PixelSpacing, dataset.SliceThickness = [1.0, 1.0], 2.0
    dataset.Rows, dataset.Columns = rows, columns
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    values = np.full((rows, columns), 100, np.uint16)
    values[4:12, 8:20] = 1000 + number  # 96 bright voxels of 2 mm³ in each slice
    dataset.PixelData = values.tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def mr_series(name: str, count: int = 8) -> list[bytes]:
    return [mr_slice(name, number) for number in range(1, count + 1)]


def changed(part10: bytes, **attributes: object) -> bytes:
    """The same part-10 file with other values, by keyword."""
    dataset = dcmread(BytesIO(part10))
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


_CARD = ModelCard("threshold", "1", "Apache-2.0", "tests", "Tests.", "An MR volume.")


@dataclass(frozen=True)
class BrightRegion:
    """Segments what is brighter than 500 and measures it: 96 voxels a slice of `mr_series`.

    `runs` gets a line for each run. While `hold` is a path that does not exist, a run that
    has begun waits for it, and goes on reporting.
    """

    runs: Path | None = None
    hold: Path | None = None
    ends_with_the_images: bool = True
    """Whether what is bright is known to end where the images do; False: judged by its mask."""
    name: str = "bright-region"
    version: str = "1.0.0"
    title: str = "Bright region"
    description: str = "Measures what is bright."
    accepts_text: str = "Any MR volume."
    input_kind: Literal["volume", "image"] = "volume"
    card: ModelCard = _CARD

    def readiness(self) -> Readiness:
        return Readiness(True, "")

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        if series.modality != "MR":
            return Acceptance(False, f"Modality is {series.modality}, not MR.")
        return Acceptance(True, "An MR series.")

    def run(self, context: PipelineContext) -> PipelineOutput:
        if self.runs is not None:
            with self.runs.open("a") as file:
                file.write("run\n")
        while self.hold is not None and not self.hold.exists():
            context.on_progress("holding", 0.5)
            time.sleep(0.05)
        assert context.volume is not None
        mask = context.volume.voxels > 500
        return PipelineOutput(
            segments=(
                Segment(
                    "Bright",
                    Code("123037004", "SCT", "Anatomical Structure"),
                    Code("12738006", "SCT", "Brain"),
                    (10, 200, 30),
                ),
            ),
            masks=mask.astype(np.uint8),
            measurements=(
                Measurement(
                    "Bright volume",
                    Code("118565006", "SCT", "Volume"),
                    float(mask.sum()) * context.volume.voxel_volume_mm3 / 1000,
                    Code("cm3", "UCUM", "cubic centimeter"),
                    0,
                    # The bar of `mr_slice` is as long as the series.
                    validity=Validity("complete") if self.ends_with_the_images else None,
                ),
            ),
            timings_s={"threshold": 0.001},
        )
