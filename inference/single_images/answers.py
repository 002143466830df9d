"""From what a network gives to probabilities, and what a part of an image adds to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.refusals import ModelUnusable, no_numbers
from inference.single_images.card import Activation
from inference.single_images.description import ImageModelDescription
from inference.single_images.heat import placed_heat
from inference.single_images.networks import Network
from inference.single_images.outputs import REMEDY
from inference.single_images.preprocessing import NetworkInput, normalized
from storage.core.results.heat_maps import HeatMap

_BATCH = 16
_CHECK = "Check its weights and its card."
_HEAT_AT_MOST = 4096 * 4096


def activated(scores: NDArray[np.float32], activation: Activation) -> NDArray[np.float32]:
    """Probabilities along axis 1. With one class alone, a softmax would always be sure."""
    if activation == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scores, -80, 80))), np.float32)
    if activation == "softmax":
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
    return scores


def probabilities(
    model: ImageModelDescription, network: Network, inputs: list[NetworkInput]
) -> NDArray[np.float32]:
    """(images, classes), each from 0 to 1. Raises ModelUnusable."""
    batch = np.stack([normalized(one.seen, model.preprocessing) for one in inputs])
    scores = one_row_each(model, network.scores(batch), len(inputs))
    return _checked(model, activated(scores, model.activation))


def one_row_each(
    model: ImageModelDescription, answer: NDArray[np.float32], images: int
) -> NDArray[np.float32]:
    """An answer as (images, outputs); a map of them would become labels of nothing.

    Axes of one at its end, as pooling leaves them, are passed over. Raises ModelUnusable.
    """
    shape = answer.shape if answer.ndim > 1 else (1, *answer.shape)
    if len(shape) < 2 or shape[0] != images or any(size != 1 for size in shape[2:]):
        what = "numbers" if model.card.model.numbers else "classes"
        raise ModelUnusable(
            f"The model {model.name} gives an array of shape {answer.shape} for {images}"
            f" image{'s' if images > 1 else ''}; its card states {model.kind}, which gives"
            f" images × {what}.",
            remedy=REMEDY,
        )
    return answer.reshape(images, -1)


def numbers_of(
    model: ImageModelDescription, network: Network, given: NetworkInput
) -> NDArray[np.float32]:
    """All that a regression answers of one image: shape (outputs,). Raises ModelUnusable."""
    answer = network.scores(normalized(given.seen, model.preprocessing)[None])
    found: NDArray[np.float32] = one_row_each(model, answer, 1)[0]
    if not (found.size and np.isfinite(found).all()):
        raise no_numbers(f"The model {model.name}", "this image", _CHECK)
    return found


def class_planes(
    model: ImageModelDescription, network: Network, given: NetworkInput
) -> NDArray[np.float32]:
    """Of a segmentation: (classes, rows, columns) on the network's own, maybe coarser grid.

    One channel is a yes or no; the other class, the background, is what is left.
    Raises ModelUnusable.
    """
    (planes,) = planes_by_image(model, network, given, 1)
    return planes


def planes_by_image(
    model: ImageModelDescription, network: Network, given: NetworkInput, images: int
) -> list[NDArray[np.float32]]:
    """Likewise of each of several images that are given as channels of one: image after image,
    each with all classes. Raises ModelUnusable."""
    scores = network.scores(normalized(given.seen, model.preprocessing)[None])
    return [_planes(model, one[None]) for one in _by_image(model, scores, images)]


def _by_image(
    model: ImageModelDescription, scores: NDArray[np.float32], images: int
) -> NDArray[np.float32]:
    """An answer about images that were given as one: (images, channels, rows, columns).

    Raises ModelUnusable where it has another shape.
    """
    shape = scores.shape
    if scores.ndim == 5 and shape[:2] == (1, images) and scores.size:
        found: NDArray[np.float32] = scores[0]
        return found
    if scores.ndim == 4 and shape[0] == 1 and shape[1] % images == 0 and scores.size:
        return scores.reshape(images, -1, *shape[2:])
    wanted = (
        "images × classes × rows × columns"
        if images == 1
        else f"1 × {images} images × classes × rows × columns, or these two in one axis"
    )
    raise ModelUnusable(
        f"The model {model.name} gives an array of shape {shape}; a segmentation gives {wanted}.",
        remedy=REMEDY,
    )


def _planes(model: ImageModelDescription, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    single = scores.shape[1] == 1
    found = activated(scores, "sigmoid" if single else model.activation)[0]
    found = np.concatenate((1 - found, found)) if single else found
    return _checked(model, found)


def planes_of(model: ImageModelDescription, scores: NDArray[np.float32], images: int) -> int:
    """How many classes a segmentation gives of each image: one channel is a yes or no.

    Raises ModelUnusable, as every run would, where they cannot be found in its answer.
    """
    channels = _by_image(model, scores, images).shape[1]
    return 2 if channels == 1 else channels


def occlusion(
    model: ImageModelDescription,
    network: Network,
    given: NetworkInput,
    label: int,
    probability: float,
    grid: int,
    frame_number: int | None,
    channels: slice = slice(None),
) -> HeatMap:
    """How far a label's probability falls where one of grid × grid parts is made black, of several
    images at once in the `channels` of one.

    Negative where it rises. Raises ModelUnusable.
    """
    rows, columns = given.seen.shape[:2]
    cuts_y = np.linspace(0, rows, grid + 1).round().astype(int)
    cuts_x = np.linspace(0, columns, grid + 1).round().astype(int)
    parts = [(y, x) for y in range(grid) for x in range(grid)]
    falls = np.zeros(grid * grid, np.float32)
    for begin in range(0, len(parts), _BATCH):
        some = parts[begin : begin + _BATCH]
        blanked = []
        for y, x in some:
            seen = given.seen.copy()
            seen[cuts_y[y] : cuts_y[y + 1], cuts_x[x] : cuts_x[x + 1], channels] = 0.0
            blanked.append(NetworkInput(seen, given.placement, given.frame))
        without = probabilities(model, network, blanked)[:, label]
        falls[begin : begin + len(some)] = probability - without
    return placed_heat(
        given.placement,
        falls.reshape(grid, grid),
        cuts_y.tolist(),
        cuts_x.tolist(),
        "occlusion",
        frame_number=frame_number,
    )


def heat_plane(
    model: ImageModelDescription, network: Network, batch: NDArray[np.float32], label: int
) -> NDArray[np.float32]:
    """What a network gives of a label by itself: (rows, columns) of a grid of its own.

    It is one map of the image, or one for each class. Raises ModelUnusable.
    """
    asked = model.card.model.heat_map
    found = network.output(batch, "" if asked is None else asked.output)
    shape = found.shape
    if found.ndim == 4 and (shape[1] == 1 or shape[1] > label):
        found = found[:, label if shape[1] > 1 else 0]
    if found.ndim != 3 or len(found) != 1 or not 0 < found.size <= _HEAT_AT_MOST:
        raise ModelUnusable(
            f"The model {model.name} gives a heat map of shape {shape} of one image; 1 × rows ×"
            f" columns or 1 × classes × rows × columns are taken, {_HEAT_AT_MOST} values at most.",
            remedy=REMEDY,
        )
    if not np.isfinite(found).all():
        raise ModelUnusable(
            f"The model {model.name} gives a heat map with what is no number.", remedy=_CHECK
        )
    return np.asarray(found[0], np.float32)


def _checked(model: ImageModelDescription, found: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(found).all():
        raise no_numbers(f"The model {model.name}", "this image", _CHECK)
    if not (found.size and found.min() >= 0.0 and found.max() <= 1.0 + 1e-5):
        raise ModelUnusable(
            f"The model {model.name} gives scores that are no probabilities.",
            remedy='Name an activation in its card: "softmax" or "sigmoid".',
        )
    return np.clip(found, 0.0, 1.0)
