"""Parts of masks, beside SciPy's."""

import numpy as np
import pytest
from scipy import ndimage

from inference.imaging.connected_parts import connected_parts


@pytest.mark.parametrize("seed", range(200))
def test_thin_masks_have_the_parts_that_scipy_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # A plane, a row or a column among them, and a view of one segment of several.
    shape = tuple(int(size) for size in rng.integers(1, 18, 3) if rng.random() < 0.8) or (5,)
    shape = (*shape, *(1,) * (3 - len(shape)))
    masks = rng.random((*shape, 3)) < rng.uniform(0.05, 0.9)
    mask = masks[..., 1]
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    found = connected_parts(mask)
    assert found.shape == mask.shape
    assert len(np.unique(found[mask])) == count
    pairs = {(int(a), int(b)) for a, b in zip(found[mask], labels[mask], strict=True)}
    assert len(pairs) == count
    assert not found[~mask].any()
