"""What lung-density takes beside the images, counted by the allocations of NumPy."""

import tracemalloc

import numpy as np

from inference.imaging.connected_parts import connected_parts, counts_of, sums_of
from inference.pipelines.chest.lungs import segment_lungs

# Labels of four bytes, air in the images of four, and masks; there were 22 and more.
_MOST_BYTES_A_VOXEL = 18


def test_segmenting_takes_few_bytes_a_voxel() -> None:
    """Images in which everything may be lung, as a few kilobytes of compressed ones can be."""
    hu = np.full((40, 128, 128), -700.0, np.float32)
    lps_from_kji = np.array([[0, 0, 1.2, 0], [0, 1.2, 0, 0], [2.5, 0, 0, 0], [0, 0, 0, 1.0]])
    segment_lungs(hu, lps_from_kji)
    tracemalloc.start()
    try:
        lungs = segment_lungs(hu, lps_from_kji)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lungs.undetermined.any()
    assert peak < _MOST_BYTES_A_VOXEL * hu.size, peak / hu.size


def test_parts_are_counted_slice_by_slice_as_in_one() -> None:
    random = np.random.default_rng(81)
    labels = connected_parts(random.random((7, 31, 29)) > 0.7, connectivity=6)
    values = random.normal(-700, 200, labels.shape).astype(np.float32)
    assert (counts_of(labels) == np.bincount(labels.ravel())).all()
    expected = np.bincount(labels.ravel(), weights=values.ravel())
    assert np.allclose(sums_of(labels, values), expected, rtol=1e-12)
    nothing = np.zeros((2, 3, 4), labels.dtype)
    assert counts_of(nothing).tolist() == [24]
