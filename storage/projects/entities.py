"""A research project, its studies, and what was exported of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

ExportState = Literal["PENDING", "RUNNING", "DONE", "FAILED"]
ExportFormat = Literal["dicom", "nifti"]
Subset = Literal["train", "validation", "test"]
SUBSETS: tuple[Subset, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Shares in percent, which add up to 100."""

    train: int = 100
    validation: int = 0
    test: int = 0

    def subset(self, share: float) -> Subset:
        """Where a patient belongs. `share`: a number from 0 to 1 (`Pseudonyms.share`)."""
        if share * 100 < self.train:
            return "train"
        return "validation" if share * 100 < self.train + self.validation else "test"


@dataclass(frozen=True)
class Project:
    project_id: str
    name: str
    options: tuple[str, ...]
    """Of PS3.15 E.3, by the names of `inference.deidentification.profile`."""
    needs_consent: bool
    split: Split
    created_by: str
    created_at: datetime
    key: bytes = field(repr=False)
    """Of its pseudonyms."""


@dataclass(frozen=True)
class ProjectStudy:
    study_instance_uid: str
    patient_key: str
    has_consent: bool
    added_by: str
    added_at: datetime


@dataclass(frozen=True)
class ProjectExport:
    export_id: str
    project_id: str
    folder: str
    """Below the export folder, or below what the peer's entry names."""
    destination: str
    """Name of the peer that it goes to; empty: it stays on this machine."""
    options: tuple[str, ...]
    format: ExportFormat
    state: ExportState
    attempts: int
    next_attempt_at: datetime
    last_error: str
    requested_by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class ExportedInstance:
    """What became of one instance: `reason` is empty where it left."""

    sop_instance_uid: str
    study_instance_uid: str
    name: str = ""
    sha256: str = ""
    size_bytes: int = 0
    reason: str = ""
    face_voxels: int = 0
    """Of its pixels, overwritten because they showed a face."""


@dataclass(frozen=True)
class ExportCounts:
    exported: int
    refused: int
    size_bytes: int
