"""The studies that the story sends: a T1 head, copies of it, and series that must be refused."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from tests.services import tool


@dataclass(frozen=True)
class SentStudy:
    """A folder of part 10 files that hold one series of one study."""

    folder: Path
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uids: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> "SentStudy":
        headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in files(folder)]
        studies = {str(header.StudyInstanceUID) for header in headers}
        series = {str(header.SeriesInstanceUID) for header in headers}
        if len(studies) != 1 or len(series) != 1:
            raise ValueError(f"{folder} holds {len(series)} series of {len(studies)} studies.")
        uids = frozenset(str(header.SOPInstanceUID) for header in headers)
        return cls(folder, studies.pop(), series.pop(), uids)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def images_in_order(study: SentStudy) -> list[pydicom.Dataset]:
    """The headers as the viewer orders them: along the normal of their planes."""
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in files(study.folder)]
    cosines = np.array(headers[0].ImageOrientationPatient, float)
    normal = np.cross(cosines[:3], cosines[3:])
    return sorted(
        headers, key=lambda one: float(normal @ np.array(one.ImagePositionPatient, float))
    )


def copy_with_new_uids(
    folder: Path, target: Path, change: Callable[[FileDataset], None] | None = None
) -> SentStudy:
    """The same images as another study, as if the patient had been scanned again."""
    target.mkdir(parents=True)
    fresh: dict[str, str] = {}
    for path in files(folder):
        instance = pydicom.dcmread(path)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            old = str(instance.get(keyword, ""))
            setattr(instance, keyword, fresh.setdefault(old, generate_uid()))
        instance.SOPInstanceUID = generate_uid()
        instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
        if change:
            change(instance)
        instance.save_as(target / path.name, enforce_file_format=True)
    return SentStudy.read(target)


def thinned(study: SentStudy, target: Path, every: int) -> SentStudy:
    """Every n-th slice of a study, as another one."""
    paths = [Path(str(image.filename)) for image in images_in_order(study)]

    def change(instance: FileDataset) -> None:
        if "SpacingBetweenSlices" in instance:
            instance.SpacingBetweenSlices *= every

    return copy_with_new_uids(picked(paths[::every], target), target / "thinned", change)


def picked(paths: list[Path], target: Path) -> Path:
    folder = target / "picked"
    folder.mkdir(parents=True)
    for path in paths:
        (folder / path.name).symlink_to(path)
    return folder


def localizer(folder: Path, target: Path) -> SentStudy:
    """Three images of a head series that call themselves a localizer, far apart."""
    paths = files(folder)

    def change(instance: FileDataset) -> None:
        instance.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        instance.SeriesDescription = "Localizer"

    far_apart = picked(paths[:: len(paths) // 3][:3], target)
    return copy_with_new_uids(far_apart, target / "localizer", change)


def storescu(folder: Path, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Send a folder with DCMTK, as a modality would."""
    # Of itself it proposes classes that are often sent, and no segmentations.
    command = [tool("storescu", "dcmtk"), "+sd", "+r", "-R", "-aec", "MEDIVIEW", "-v", *options]
    return subprocess.run(
        [*command, "127.0.0.1", str(port), str(folder)],
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )
