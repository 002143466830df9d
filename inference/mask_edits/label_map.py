"""What a person painted, and how it gets into the masks of a segmentation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.results.masks.read import MaskStack, SliceKey
from storage.core.errors import InvalidRequest


@dataclass(frozen=True)
class LabelMap:
    """The segments `segment_numbers` on the slices that are named, as a person wants them.

    `values`: uint8, shape (slices, rows, columns); n where segment n lies, 0 where none of
    them does. Other segments, and slices that are not named, stay as they are.
    """

    slices: tuple[SliceKey, ...]
    segment_numbers: tuple[int, ...]
    values: NDArray[np.uint8]


def apply_label_map(
    label_map: LabelMap, masks: MaskStack, slices: Sequence[SliceKey]
) -> frozenset[int]:
    """Write the label map into the masks; the numbers of the segments that changed by it."""
    unknown = [one for one in label_map.segment_numbers if not 1 <= one <= masks.count]
    if unknown:
        raise InvalidRequest(
            f"The segmentation has no segment {unknown[0]}.",
            remedy="Name segments that the segmentation has.",
        )
    strange = set(np.unique(label_map.values).tolist()) - {0, *label_map.segment_numbers}
    if strange:
        raise InvalidRequest(
            f"The label map holds the value {min(strange)}, which segment_numbers does not name.",
            remedy="Name each value in segment_numbers; 0 is the background.",
        )
    rows, columns = masks.array.shape[1:3]
    if label_map.values.shape != (len(label_map.slices), rows, columns):
        raise InvalidRequest(
            f"The mask has {rows} rows and {columns} columns.",
            remedy="Send a label map of as many rows and columns.",
        )
    places = {key: k for k, key in enumerate(slices)}
    named = set(label_map.slices)
    if named - places.keys() or len(named) < len(label_map.slices):
        raise InvalidRequest(
            "Each slice of the label map must be a slice of the mask's source, named once.",
            remedy="Name SOPInstanceUID and frame number of the images that were segmented.",
        )
    changed = set()
    for key, values in zip(label_map.slices, label_map.values, strict=True):
        k = places[key]
        differing = [
            number
            for number in label_map.segment_numbers
            if not np.array_equal(masks.plane(number, k), values == number)
        ]
        # First all of them away, so that what passes from one to another overlaps with nothing.
        for number in differing:
            masks.put(number, k, np.zeros((rows, columns), np.bool_))
        for number in differing:
            masks.put(number, k, values == number)
        changed.update(differing)
    return frozenset(changed)
