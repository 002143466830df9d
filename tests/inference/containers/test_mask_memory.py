"""However many masks a container writes, what they take in memory has a bound."""

import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from inference.containers.masks import MaskCollection, Masks
from inference.containers.results import OutputReader, merged_masks
from inference.refusals import ModelUnusable
from inference.results.masks.read import MaskStack
from storage.core.errors import InvalidRequest
from tests.inference.containers.outputs import (
    IMAGES,
    MIB,
    SHAPE,
    SPLEEN,
    VOLUME,
    label_map,
)

VOXELS = int(np.prod(SHAPE))


def written(folder: Path, count: int, values: np.ndarray) -> None:
    label_map(folder, values)
    first = folder / "labels.nii.gz"
    for number in range(1, count):
        shutil.copy(first, folder / f"{number}.nii.gz")


def test_empty_label_maps_take_nothing(tmp_path: Path) -> None:
    written(tmp_path, 300, np.zeros(SHAPE, np.uint8))
    reader = OutputReader(IMAGES[0], VOLUME, {1: SPLEEN}, 8 * MIB)
    tracemalloc.start()
    found = reader.read(tmp_path)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert merged_masks(found) is None
    assert held_bytes < 100 * VOXELS


def test_masks_that_overlap_are_refused_before_they_fill_the_memory() -> None:
    full = Masks((SPLEEN,), np.ones(SHAPE, np.uint8))
    enough = MaskCollection(at_most_bytes=20 * VOXELS)
    few = MaskCollection(at_most_bytes=10 * VOXELS)
    for _ in range(20):
        enough.add(full)
    for _ in range(10):
        few.add(full)
    merged = enough.merged()
    assert merged is not None
    assert merged.array.shape == (*SHAPE, 20)
    assert merged.array.all()
    with pytest.raises(ModelUnusable, match="more than the 0 MiB") as refused:
        few.add(full)
    assert refused.value.remedy


def test_more_label_maps_than_a_result_may_have_segments_are_refused(tmp_path: Path) -> None:
    written(tmp_path, 256, np.ones(SHAPE, np.uint8))
    reader = OutputReader(IMAGES[0], VOLUME, {1: SPLEEN}, 8 * MIB)
    with pytest.raises(ModelUnusable, match="255 are the most"):
        reader.read(tmp_path)


def test_segments_that_overlap_are_refused_before_their_masks_are_made() -> None:
    """Two of 255 overlap: that alone makes a mask of each."""
    shape = (48, 64, 64)
    voxels = 48 * 64 * 64
    plane = np.ones(shape[1:], np.bool_)
    masks = MaskStack(shape, 255, at_most_bytes=200 * voxels)
    masks.put(1, 0, plane)
    tracemalloc.start()
    with pytest.raises(InvalidRequest, match=r"255 segments take 47 MiB.*37 MiB are the most"):
        masks.put(2, 0, plane)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < voxels
    allowed = MaskStack(shape, 255, at_most_bytes=255 * voxels)
    tracemalloc.start()
    allowed.put(1, 0, plane)
    allowed.put(2, 0, plane)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (allowed.voxel_count(1), allowed.voxel_count(2)) == (plane.size, plane.size)
    assert peak_bytes < 260 * voxels
