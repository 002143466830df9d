"""One study as NIfTI files: its volumes, and segmentations as label maps on their grids."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from pydicom.dataset import FileDataset

from inference.containers.segmentation_output import read_segmentation
from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.instances import StudyDeidentification
from inference.imaging.nifti import labels_as_nifti, volume_as_nifti
from inference.imaging.volume import Volume, assemble_volume
from inference.projects.bids import image_stem, labels_sidecar, labels_stem, sidecar
from inference.refusals import ModelUnusable
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest
from storage.dicom.dataset_reader import read_part10
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
from storage.dicom.value_errors import UNREADABLE


@dataclass(frozen=True)
class NiftiFile:
    name: str
    """Path within an export, without `.nii.gz` and `.json`."""
    image: bytes
    sidecar: bytes
    face_voxels: Mapping[str, int]
    """By SOP Instance UID of the original: how many were overwritten."""


class NiftiStudy:
    def __init__(
        self,
        instances: Sequence[Instance],
        study: StudyDeidentification,
        read: Callable[[Instance], bytes],
        software: str,
    ) -> None:
        """`instances`: all of the study. `read` gives the part 10 file of one."""
        self._instances = instances
        self._study = study
        self._read = read
        self._software = software
        self._grids: dict[str, tuple[str, Volume]] = {}
        """Name and geometry of what was written, by the SeriesInstanceUID that leaves."""
        self._face_voxels: dict[str, int] = {}

    def units(self) -> Iterator[list[Instance]]:
        """What becomes a file each: series of images, then segmentations one by one."""
        images = [one for one in self._instances if one.sop_class_uid not in SEGMENTATION_CLASSES]
        by_series = sorted(images, key=_series)
        yield from (list(series) for _, series in groupby(by_series, key=_series))
        yield from ([one] for one in self._instances if one.sop_class_uid in SEGMENTATION_CLASSES)

    def file(self, unit: Sequence[Instance]) -> NiftiFile:
        """Raises CannotDeidentify, VolumeRefused."""
        try:
            return self._file(unit)
        except UNREADABLE as error:
            raise CannotDeidentify(
                f"Its values cannot be used as the standard says ({type(error).__name__}).",
                remedy="Leave its series out.",
            ) from error

    def _file(self, unit: Sequence[Instance]) -> NiftiFile:
        datasets = [self._deidentified(one) for one in unit]
        if unit[0].sop_class_uid in SEGMENTATION_CLASSES:
            return self._labels(unit[0], datasets[0])
        if "PixelData" not in datasets[0]:
            raise CannotDeidentify(
                "It is not an image, and an export as NIfTI has images and segmentations alone.",
                remedy="Export the project as DICOM.",
            )
        stem, volume = self._volume(unit, datasets)
        image = volume_as_nifti(volume)
        stated = sidecar(datasets, self._study.has_leak, self._software)
        voxels = {one.sop_instance_uid: self._face_voxels[one.sop_instance_uid] for one in unit}
        return NiftiFile(stem, image, stated, voxels)

    def _volume(
        self, unit: Sequence[Instance], datasets: Sequence[FileDataset]
    ) -> tuple[str, Volume]:
        volume = assemble_volume(datasets, tilted=True)
        first = unit[0]
        stem = image_stem(
            self._study.pseudonym,
            self._study.label(first.study_instance_uid),
            self._study.label(first.series_instance_uid),
            datasets[0],
        )
        self._grids[volume.series_instance_uid] = stem, volume.without_voxels()
        return stem, volume

    def _labels(self, instance: Instance, segmentation: FileDataset) -> NiftiFile:
        stem, volume = self._grid_of(segmentation)
        try:
            masks = read_segmentation(segmentation, volume)
        except ModelUnusable as error:
            raise CannotDeidentify(
                "It is not a binary segmentation on the grid of the series that it names.",
                remedy="Export the project as DICOM.",
            ) from error
        except InvalidRequest as error:
            raise CannotDeidentify(error.message, remedy="Export the project as DICOM.") from error
        return NiftiFile(
            labels_stem(stem, self._study.label(instance.sop_instance_uid)),
            labels_as_nifti(masks.array, volume),
            labels_sidecar(masks.segments, segmentation, self._study.text, self._software),
            {},
        )

    def _grid_of(self, segmentation: FileDataset) -> tuple[str, Volume]:
        """Of the series that it names; assembled again where an earlier process wrote that."""
        references = list(segmentation.get("ReferencedSeriesSequence") or [])
        uid = str(references[0].SeriesInstanceUID) if len(references) == 1 else ""
        if uid not in self._grids:
            unit = [
                one for one in self._instances if self._study.uid(one.series_instance_uid) == uid
            ]
            if not unit:
                raise CannotDeidentify(
                    "It does not name one series of its study.", remedy="Leave this instance out."
                )
            self._volume(unit, [self._deidentified(one) for one in unit])
        return self._grids[uid]

    def _deidentified(self, instance: Instance) -> FileDataset:
        found = self._study.apply(self._read(instance))
        self._face_voxels[instance.sop_instance_uid] = found.face_voxels
        return read_part10(io.BytesIO(found.part10))


def _series(instance: Instance) -> str:
    return instance.series_instance_uid
