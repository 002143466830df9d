"""What a container wrote about a single image, read and checked like what is about a series."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from inference.containers.belonging import check_belongs
from inference.containers.masks import Masks
from inference.containers.number_output import RESULTS_FILE, Box, read_image_results
from inference.containers.output_files import is_dicom, named, written_files
from inference.containers.results import (
    SHOWN_AT_MOST,
    Written,
    as_card_names,
    leave_out,
    read_object,
    read_report,
)
from inference.containers.segmentation_output import read_image_segmentation
from inference.pipeline import Segment
from inference.refusals import ModelUnusable
from storage.core.text.outside_text import text_from_outside
from storage.dicom.storage_classes import SEGMENTATION_CLASSES


@dataclass
class WrittenOfImage(Written):
    """`masks` are of one slice. `boxes` stay None where the container looks for none."""

    boxes: list[Box] | None = field(default=None)


class ImageOutputReader:
    """Reads the folder of one run over `source`. `segments`: by number, as the card names them."""

    def __init__(self, source: Dataset, segments: dict[int, Segment], at_most_bytes: int) -> None:
        self._source = source
        self._segments = segments
        self._at_most_bytes = at_most_bytes

    def read(self, folder: Path) -> WrittenOfImage:
        """Raises ModelUnusable naming the file that cannot be used."""
        found = WrittenOfImage()
        for path in written_files(folder, self._at_most_bytes):
            with named(path):
                if path == folder / RESULTS_FILE:
                    self._read_numbers(path, found)
                elif is_dicom(path):
                    self._read_dicom(path, found)
                else:
                    leave_out(path, found)
        return found

    def _read_numbers(self, path: Path, found: WrittenOfImage) -> None:
        stated = read_image_results(path)
        found.measurements += stated.measurements
        found.classifications += stated.classifications
        if stated.boxes is None:
            return
        rows, columns = int(self._source.Rows), int(self._source.Columns)
        for one in stated.boxes:
            left, top, right, bottom = one.box
            if left < 0 or top < 0 or right > columns or bottom > rows:
                raise ModelUnusable(
                    f"A box of the container reaches beyond the {columns} × {rows} pixels of the"
                    " image.",
                    remedy="Ask who made the image for boxes in the pixels of the image as sent.",
                )
        found.boxes = list(stated.boxes)

    def _read_dicom(self, path: Path, found: WrittenOfImage) -> None:
        sop_class_uid, dataset = read_object(path)
        check_belongs(path, dataset, self._source)
        if sop_class_uid in SEGMENTATION_CLASSES:
            found.masks.check_room(int(self._source.Rows) * int(self._source.Columns))
            masks = read_image_segmentation(dataset, self._source, found.masks.room_bytes)
            found.masks.add(Masks(as_card_names(self._segments, masks.segments), masks.array))
        elif not read_report(sop_class_uid, dataset, found):
            found.left_out[text_from_outside(sop_class_uid.name, SHOWN_AT_MOST)] += 1
