"""What a container wrote about single images, read and checked like what is about a series."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from inference.containers.belonging import check_belongs
from inference.containers.images.grid import grids_of
from inference.containers.images.picture_masks import (
    PictureMasks,
    is_mask,
    read_planes,
    refused,
    role_of,
)
from inference.containers.label_names import LABELS_FILE, LabelNames
from inference.containers.masks import Masks
from inference.containers.nifti_output import NIFTI, read_label_map
from inference.containers.number_output import (
    RESULTS_FILE,
    Box,
    ImageNumbers,
    read_image_results,
    read_set_results,
)
from inference.containers.output_files import is_dicom, named, written_files
from inference.containers.results import (
    SHOWN_AT_MOST,
    Written,
    as_card_names,
    leave_out,
    masks_of_values,
    read_object,
    read_report,
)
from inference.containers.segmentation_output import image_of, read_image_segmentation
from inference.imaging.frames import number_of_frames
from inference.pipeline import Segment
from inference.refusals import ModelUnusable
from inference.results.masks.place import Grid
from storage.core.text.outside_text import text_from_outside
from storage.dicom.storage_classes import SEGMENTATION_CLASSES

_REMEDY = "Ask who made the image for boxes in the pixels of the image as sent."


@dataclass
class WrittenOfImage(Written):
    """`masks` have a plane for each frame. `boxes` stay None where the container looks for none."""

    boxes: list[Box] | None = field(default=None)


@dataclass
class WrittenOfImages:
    """`together`: about all images of the run, and what was left out. `by_role`: about each."""

    together: Written
    by_role: dict[str, WrittenOfImage]


class ImageOutputReader:
    """Reads the folder of one run over `sources`, by their roles; one alone has the role "".

    `segments`: by number, as the card names them. `as_pixels`: it was given pixels without their
    size, so that NIfTI of it may have pixels of 1. `priors`: roles of what else it was given, of
    which nothing is read.
    """

    def __init__(
        self,
        sources: Mapping[str, Dataset],
        segments: dict[int, Segment],
        at_most_bytes: int,
        *,
        as_pixels: bool = False,
        priors: Collection[str] = (),
    ) -> None:
        self._as_pixels = as_pixels
        self._priors = priors
        self._sources = sources
        self._segments = segments
        self._at_most_bytes = at_most_bytes

    def read(self, folder: Path) -> WrittenOfImages:
        """Raises ModelUnusable naming the file that cannot be used."""
        found = WrittenOfImages(Written(), {role: WrittenOfImage() for role in self._sources})
        paths = written_files(folder, self._at_most_bytes)
        names, pictures = LabelNames(folder, paths), PictureMasks()
        for path in paths:
            role = role_of(path, folder, self._sources)
            with named(path):
                self._check_of_study(path, folder)
                if path == folder / RESULTS_FILE:
                    self._read_numbers(path, found)
                elif path.name.endswith(NIFTI):
                    self._read_label_map(path, role, self._names(names, path), found)
                elif path.name == LABELS_FILE or self._takes(pictures, path, role):
                    continue
                elif is_dicom(path):
                    self._read_dicom(path, found)
                else:
                    leave_out(path, found.together)
        for (role, _), planes in pictures.by_folder.items():
            self._read_pictures(planes, role, names, found)
        return found

    def _check_of_study(self, path: Path, folder: Path) -> None:
        """Raises ModelUnusable where a mask is of a prior by its place or name."""
        prior = role_of(path, folder, self._priors)
        if prior is not None and (path.name.endswith(NIFTI) or is_mask(path, prior)):
            raise refused(path, f"is of {prior}, a prior; results are of the study at hand")

    def _takes(self, pictures: PictureMasks, path: Path, role: str | None) -> bool:
        if path.suffix != ".png" or role is None:
            return False
        return pictures.take(path, role, number_of_frames(self._sources[role]))

    def _names(self, names: LabelNames, path: Path) -> dict[int, Segment]:
        return {**names.beside(path), **self._segments}

    def _read_pictures(
        self, planes: dict[int, Path], role: str, names: LabelNames, found: WrittenOfImages
    ) -> None:
        """The masks of an image in one folder."""
        first = next(iter(planes.values()))
        with named(first):
            shape = self._grids(role, found)[0].shape
            named_values = self._names(names, first)
            labels = read_planes(planes, shape, named_values)
            masks = masks_of_values(first, labels, named_values, found.together)
            found.by_role[role].masks.add(masks)

    def _read_label_map(
        self, path: Path, role: str | None, names: dict[int, Segment], found: WrittenOfImages
    ) -> None:
        if role is None:
            raise refused(path, f"is a label map of none of the images: {', '.join(self._sources)}")
        _, labels = read_label_map(path, self._grids(role, found))
        masks = masks_of_values(path, labels, names, found.together)
        found.by_role[role].masks.add(masks)

    def _grids(self, role: str, found: WrittenOfImages) -> list[Grid]:
        """Raises ModelUnusable where masks of the image have no room."""
        grids = grids_of(self._sources[role], as_pixels=self._as_pixels)
        found.by_role[role].masks.check_room(math.prod(grids[0].shape))
        return grids

    def _read_numbers(self, path: Path, found: WrittenOfImages) -> None:
        if "" in self._sources:
            self._add(found.by_role[""], read_image_results(path), "")
            return
        together, by_role = read_set_results(path)
        found.together.measurements += together.measurements
        found.together.classifications += together.classifications
        for role, stated in by_role.items():
            if role in self._priors:
                raise ModelUnusable(
                    f"{RESULTS_FILE} of the container states results of {role}, a prior; results"
                    " are of the study at hand.",
                    remedy=f"Ask who made the image for results of: {', '.join(self._sources)}.",
                )
            if role not in self._sources:
                raise ModelUnusable(
                    f"{RESULTS_FILE} of the container names the image {role[:64]}, which it was not"
                    " given.",
                    remedy=f"Ask who made the image; it was given: {', '.join(self._sources)}.",
                )
            self._add(found.by_role[role], stated, role)

    def _add(self, found: WrittenOfImage, stated: ImageNumbers, role: str) -> None:
        found.measurements += stated.measurements
        found.classifications += stated.classifications
        if stated.boxes is None:
            return
        source = self._sources[role]
        rows, columns = int(source.Rows), int(source.Columns)
        frames = number_of_frames(source)
        found.boxes = []
        for one in stated.boxes:
            left, top, right, bottom = one.box
            if left < 0 or top < 0 or right > columns or bottom > rows:
                raise ModelUnusable(
                    f"A box of the container reaches beyond the {columns} × {rows} pixels of the"
                    " image.",
                    remedy=_REMEDY,
                )
            if (one.frame or 1) > frames or (frames > 1 and one.frame is None):
                what = "names no frame" if one.frame is None else f"is in frame {one.frame}"
                raise ModelUnusable(
                    f"A box of the container {what}; the image has {frames}.", remedy=_REMEDY
                )
            found.boxes.append(one if frames > 1 else one.model_copy(update={"frame": None}))

    def _read_dicom(self, path: Path, found: WrittenOfImages) -> None:
        sop_class_uid, dataset = read_object(path)
        check_belongs(path, dataset, next(iter(self._sources.values())))
        if sop_class_uid in SEGMENTATION_CLASSES:
            self._read_masks(dataset, found)
            return
        alone = found.by_role.get("", found.together)
        if not read_report(sop_class_uid, dataset, alone):
            kind = text_from_outside(sop_class_uid.name, SHOWN_AT_MOST)
            found.together.left_out[kind] += 1

    def _read_masks(self, dataset: Dataset, found: WrittenOfImages) -> None:
        by_uid = {str(one.SOPInstanceUID): role for role, one in self._sources.items()}
        role = by_uid.get(image_of(dataset), next(iter(self._sources)))
        source = self._sources[role]
        written = found.by_role[role]
        written.masks.check_room(number_of_frames(source) * int(source.Rows) * int(source.Columns))
        masks = read_image_segmentation(dataset, source, written.masks.room_bytes)
        written.masks.add(Masks(as_card_names(self._segments, masks.segments), masks.array))
