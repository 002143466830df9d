"""A known head, and what MeshNet must give of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inference.models.card import Proof
from inference.refusals import ModelUnusable

if TYPE_CHECKING:
    from inference.pipelines.brain.meshnet import Network

# Measured once with the weights that the card names, on the CPU.
_MESHNET_MEAN, _MESHNET_SPREAD = 1.678, 2.048
_MESHNET_TOLERANCE, _MESHNET_BLANK_DISTANCE = 0.03, 0.05
_MESHNET_SIZE = 40


def prove_meshnet(network: Network) -> Proof:
    """A smooth head gives its known scores, and a blank image gives others."""
    from inference.pipelines.brain.meshnet import scores

    head = _head(_MESHNET_SIZE)
    seen = scores(network, head, lambda _: None).float()
    blank = scores(network, np.zeros_like(head), lambda _: None).float()
    mean, spread = float(seen.mean()), float(seen.std())
    distance = float((seen - blank).abs().mean())
    off = max(abs(mean - _MESHNET_MEAN), abs(spread - _MESHNET_SPREAD))
    # Written so that a NaN fails, too.
    if not (off <= _MESHNET_TOLERANCE and distance >= _MESHNET_BLANK_DISTANCE):
        raise ModelUnusable(
            f"MeshNet fails its self-test: scores of {mean:.3f} ± {spread:.3f} for the phantom"
            f" ({_MESHNET_MEAN} ± {_MESHNET_SPREAD} is right), {distance:.3f} from a blank image.",
            remedy="Install torch again in the version of this release.",
        )
    return Proof(
        {"mean score": mean, "spread of scores": spread},
        "A phantom of a head gives its known scores; a blank image gives others.",
    )


def _head(size: int) -> NDArray[np.float32]:
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    head: NDArray[np.float32] = np.clip(
        1 - (x / 0.72) ** 2 - (y / 0.9) ** 2 - (z / 0.8) ** 2, 0, 1
    ).astype(np.float32)
    return head
