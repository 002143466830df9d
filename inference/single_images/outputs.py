"""What networks of single images give, by whatever framework: arrays, boxes, named outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.refusals import ModelUnusable

REMEDY = "Add another version of the model, or correct its card: mediview models add FOLDER."
_NAMES_AT_MOST = 10


class NoAnswer(ValueError):
    """What a network gives cannot be what its card says; in words that end a sentence."""


@dataclass(frozen=True)
class Boxes:
    """`corners` (boxes, 4): left, top, right, bottom in pixels of the network's grid, 0, 0 being
    its upper left corner. `labels` int, `scores` from 0 to 1, each of shape (boxes,); `images` the
    place, from 0, of the image that each lies in, among those given together."""

    corners: NDArray[np.float64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    images: NDArray[np.int64]


def not_given(model: str, name: str, known: Iterable[str]) -> ModelUnusable:
    given = ", ".join(sorted(known)[:_NAMES_AT_MOST]) or "one alone, without a name"
    return ModelUnusable(
        f"The model {model} gives no output {name}, which its card names for the heat map; it"
        f" gives {given}.",
        remedy=REMEDY,
    )


def first(answer: Any) -> Any:
    """The main output of a network that gives several."""
    while not hasattr(answer, "shape"):
        answer = next(iter(answer.values())) if isinstance(answer, dict) else answer[0]
    return answer


def detections(answer: Any) -> list[Mapping[str, Any]]:
    """Boxes, labels and scores of a batch of one: at once, or of each image that it is made of."""
    while isinstance(answer, list | tuple):
        if len(answer) in (3, 4) and all(hasattr(one, "shape") for one in answer):
            return [dict(zip(_FOUND, answer, strict=False))]
        if isinstance(answer, list) and all(isinstance(one, dict) for one in answer):
            return list(answer)
        # A detector of torchvision in TorchScript gives losses first, and detections last.
        answer = answer[-1]
    return [answer]


_FOUND = ("boxes", "labels", "scores", "images")


def boxes_of_each(found: Sequence[Mapping[str, Any]], images: int) -> Boxes:
    """Of `images` that were given together: an answer for each in their order, or one of all."""
    if len(found) == 1:
        return boxes_of(found[0], images)
    if len(found) != images:
        raise NoAnswer(f"it gives the boxes of {len(found)} images, and was given {images}")
    each = [boxes_of(one, 1) for one in found]
    place = np.repeat(np.arange(images), [len(one.scores) for one in each])
    corners, labels, scores = (
        np.concatenate([getattr(one, key) for one in each])
        for key in ("corners", "labels", "scores")
    )
    order = np.argsort(-scores, kind="stable")
    return Boxes(corners[order], labels[order], scores[order], place[order])


def boxes_of(found: Mapping[str, Any], images: int) -> Boxes:
    """Likewise of one answer, which says of each box in which of several images it lies."""
    corners = array(found["boxes"]).astype(np.float64).reshape(-1, 4)
    scores = array(found["scores"]).astype(np.float64).reshape(-1)
    labels = array(found["labels"]).astype(np.int64).reshape(-1)
    place = np.zeros(len(scores), np.int64)
    if images > 1:
        place = _places(found, images, len(scores))
    if not (np.isfinite(corners).all() and np.isfinite(scores).all()):
        raise NoAnswer("its boxes or scores are no numbers (NaN or infinite)")
    if len(scores) and not (scores.min() >= 0.0 and scores.max() <= 1.0):
        raise NoAnswer("its scores are no probabilities")
    if not len(corners) == len(scores) == len(labels):
        raise NoAnswer(
            f"it gives {len(corners)} boxes, {len(labels)} labels and {len(scores)} scores"
        )
    order = np.argsort(-scores, kind="stable")
    return Boxes(corners[order], labels[order], scores[order], place[order])


def _places(found: Mapping[str, Any], images: int, boxes: int) -> NDArray[np.int64]:
    if found.get("images") is None:
        raise NoAnswer(
            f"it does not say in which of {images} images each box lies; such a network gives an"
            " output images as well, from 0 in the order of the card"
        )
    stated = array(found["images"]).reshape(-1)
    if len(stated) != boxes:
        raise NoAnswer(f"it gives {boxes} boxes, and of {len(stated)} in which image they lie")
    if not np.isin(stated, np.arange(images)).all():
        raise NoAnswer(f"it puts a box in another image than 0 to {images - 1}")
    return stated.astype(np.int64)


def array(value: Any) -> NDArray[np.float32]:
    if isinstance(value, np.ndarray):
        return value.astype(np.float32)
    array: NDArray[np.float32] = value.detach().float().cpu().numpy()
    return array
