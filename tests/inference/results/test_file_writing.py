"""Result objects as bytes."""

import io

import numpy as np

from inference.results.file_writing import part10
from tests import builders


def test_large_pixels_are_written_as_small_ones_are_and_stay_bytes() -> None:
    voxels = np.random.default_rng(3).integers(0, 999, (2, 900, 800), dtype=np.int16)
    dataset = builders.series(voxels)[1]
    plain = io.BytesIO()
    dataset.save_as(plain, enforce_file_format=True)
    assert part10(dataset) == plain.getvalue()
    assert isinstance(dataset.PixelData, bytes)
