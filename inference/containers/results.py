"""What a container wrote, read and checked: segmentations, label maps, maps, reports and
numbers.

Nothing of it is stored as it came: the node makes its own objects of what it read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, ParametricMapStorage

from inference.containers.belonging import check_belongs
from inference.containers.label_names import LABELS_FILE, LabelNames
from inference.containers.map_output import read_map
from inference.containers.masks import MaskCollection, Masks
from inference.containers.nifti_output import NIFTI, read_label_map, read_quantities
from inference.containers.number_output import RESULTS_FILE, read_numbers, read_results
from inference.containers.other_series import (
    MarkedElsewhere,
    OtherSeries,
    onto_reference,
    series_of,
)
from inference.containers.output_files import is_dicom, named, written_files
from inference.containers.segmentation_output import read_segmentation
from inference.imaging.label_counts import voxels_of_values
from inference.imaging.volume import Volume
from inference.models.cards.card_quantities import CardMap
from inference.pipeline import (
    MAPS_AT_MOST,
    SEGMENTS_AT_MOST,
    Classification,
    Measurement,
    ParametricMap,
    Segment,
)
from inference.refusals import ModelUnusable
from inference.results.masks.place import Grid, grid_of
from storage.core.text.outside_text import shown_file_name, text_from_outside
from storage.dicom.dataset_reader import read_part10
from storage.dicom.storage_classes import SEGMENTATION_CLASSES

_KINDS_NAMED, _KIND_AT_MOST = 10, 16
SHOWN_AT_MOST = 64
# Of a report with 500 numbers some 20,000; pydicom takes 30 µs for each.
_ELEMENTS_AT_MOST = 50_000
_STRUCTURED_REPORTS = "1.2.840.10008.5.1.4.1.1.88."


@dataclass
class Written:
    """All that one run gave, before it becomes a `PipelineOutput`."""

    masks: MaskCollection = field(default_factory=MaskCollection)
    measurements: list[Measurement] = field(default_factory=list)
    classifications: list[Classification] = field(default_factory=list)
    maps: list[ParametricMap] = field(default_factory=list)
    elsewhere: list[MarkedElsewhere] = field(default_factory=list)
    """What was marked on another series than the reference."""
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.left_out:
            return ()
        named = sorted(self.left_out.items())
        others = sum(count for _, count in named[_KINDS_NAMED:])
        parts = ", ".join(f"{count} {kind}" for kind, count in named[:_KINDS_NAMED])
        if others:
            parts += f" and {others} others"
        return (f"The container wrote what the node does not take: {parts}.",)


class OutputReader:
    """Reads the folder of one run over `source` and its `volume`.

    `segments`: by value of a label map, as the card names them; `maps`: by name of the file;
    `others`: the series that it was given beside the reference, which masks may be of.
    """

    def __init__(
        self,
        source: Dataset,
        volume: Volume,
        segments: dict[int, Segment],
        at_most_bytes: int,
        maps: Mapping[str, CardMap] | None = None,
        others: Sequence[OtherSeries] = (),
    ) -> None:
        self._others = others
        self._maps = maps or {}
        self._source = source
        self._volume = volume
        self._segments = segments
        self._at_most_bytes = at_most_bytes

    def read(self, folder: Path) -> Written:
        """Raises ModelUnusable naming the file that cannot be used."""
        found = Written()
        paths = written_files(folder, self._at_most_bytes)
        names = LabelNames(folder, paths)
        for path in paths:
            with named(path):
                if path == folder / RESULTS_FILE:
                    measurements, classifications = read_results(path)
                    found.measurements += measurements
                    found.classifications += classifications
                elif path.name in self._maps:
                    stated = self._maps[path.name]
                    values = read_quantities(path, grid_of(self._volume))
                    _add_map(found, stated.map_of(values, None))
                elif path.name.endswith(NIFTI):
                    self._read_labels(path, found, {**names.beside(path), **self._segments})
                elif path.name == LABELS_FILE:
                    continue
                elif is_dicom(path):
                    self._read_dicom(path, found)
                else:
                    leave_out(path, found)
        return found

    def _read_dicom(self, path: Path, found: Written) -> None:
        sop_class_uid, dataset = read_object(path)
        is_mask = sop_class_uid in SEGMENTATION_CLASSES
        check_belongs(path, dataset, self._source)
        if is_mask:
            one = series_of(dataset, self._others)
            volume = self._volume if one is None else one.volume
            found.masks.check_room(volume.voxels.size)
            masks = read_segmentation(dataset, volume, found.masks.room_bytes)
            self._add(found, Masks(as_card_names(self._segments, masks.segments), masks.array), one)
        elif sop_class_uid == ParametricMapStorage:
            _add_map(found, read_map(dataset, self._volume))
        elif not read_report(sop_class_uid, dataset, found):
            found.left_out[text_from_outside(sop_class_uid.name, SHOWN_AT_MOST)] += 1

    def _read_labels(self, path: Path, found: Written, names: Mapping[int, Segment]) -> None:
        """On the grid of the reference; else on that of the other series that it fits."""
        index, labels = read_label_map(path, self._grids(found))
        one = self._others[index - 1] if index else None
        self._add(found, masks_of_values(path, labels, names, found), one)

    def _grids(self, found: Written) -> Iterator[Grid]:
        for volume in (self._volume, *(one.volume for one in self._others)):
            # A byte a voxel, before anything of the file is inflated.
            found.masks.check_room(volume.voxels.size)
            yield grid_of(volume)

    def _add(self, found: Written, masks: Masks, one: OtherSeries | None) -> None:
        if one is not None:
            found.masks.check_room(
                self._volume.voxels.size * (len(masks.segments) if masks.array.ndim == 4 else 1)
            )
            masks, elsewhere = onto_reference(masks, one, self._volume)
            found.elsewhere += elsewhere
        found.masks.add(masks)


def masks_of_values(
    path: Path, labels: NDArray[np.uint16], names: Mapping[int, Segment], found: Written
) -> Masks:
    """The segments of a label map; a value that nobody names is left out, which is noted."""
    if not names:
        raise ModelUnusable(
            f"{shown_file_name(path.name)} of the container is a label map, and neither the card"
            f" nor a {LABELS_FILE} beside it names its values.",
            remedy='Name each value in the card: "segments": {"1": {"label": …, "code": […]}}, or'
            f' let the container write {LABELS_FILE}: {{"1": "Spleen"}}.',
        )
    values = []
    for value in np.flatnonzero(voxels_of_values(labels, int(labels.max()))).tolist():
        if value in names:
            values.append(value)
        elif value:
            found.left_out[f"label value {value} without a name"] += 1
    if len(values) > SEGMENTS_AT_MOST:
        raise ModelUnusable(
            f"{shown_file_name(path.name)} of the container has {len(values)} segments;"
            f" {SEGMENTS_AT_MOST} are the most.",
            remedy="Use a model with fewer.",
        )
    numbers = np.zeros(int(labels.max()) + 1, np.uint8)
    numbers[values] = np.arange(1, len(values) + 1)
    return Masks(tuple(names[one] for one in values), np.take(numbers, labels))


def read_object(path: Path) -> tuple[UID, Dataset]:
    """A DICOM file with its class, within bounds where it is no mask."""
    with path.open("rb") as stream:
        sop_class_uid = UID(str(read_part10(stream, stop_after="SOPClassUID").SOPClassUID))
        is_mask = sop_class_uid in SEGMENTATION_CLASSES
        stream.seek(0)
        return sop_class_uid, read_part10(
            stream, max_elements=None if is_mask else _ELEMENTS_AT_MOST
        )


def read_report(sop_class_uid: UID, dataset: Dataset, found: Written) -> bool:
    """The numbers of a structured report; whether it is one."""
    if not sop_class_uid.startswith(_STRUCTURED_REPORTS):
        return False
    found.measurements += read_numbers(dataset)
    return True


def leave_out(path: Path, found: Written) -> None:
    """A file that nothing is read of."""
    suffix = shown_file_name(path.suffix, _KIND_AT_MOST)
    found.left_out[f"file {suffix}".strip()] += 1


def as_card_names(
    card_segments: Mapping[int, Segment], segments: Sequence[Segment]
) -> tuple[Segment, ...]:
    """By their numbers, those that the card names."""
    return tuple(card_segments.get(n, one) for n, one in enumerate(segments, start=1))


def _add_map(found: Written, one: ParametricMap) -> None:
    if len(found.maps) == MAPS_AT_MOST:
        raise ModelUnusable(
            f"The container wrote more than {MAPS_AT_MOST} parametric maps.",
            remedy="Use a model that writes fewer.",
        )
    found.maps.append(one)


def merged_masks(written: Written) -> Masks | None:
    """Raises ModelUnusable."""
    return written.masks.merged()


def with_own_labels(measurements: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """A label that comes again is numbered: each measurement is a finding of its own."""
    seen: Counter[str] = Counter()
    found = []
    for one in measurements:
        seen[one.label] += 1
        count = seen[one.label]
        found.append(one if count == 1 else replace(one, label=f"{one.label[:58]} ({count})"))
    return tuple(found)
