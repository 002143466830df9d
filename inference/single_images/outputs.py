"""What networks of single images give, by whatever framework: arrays, boxes, named outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    its upper left corner. `labels` int, `scores` from 0 to 1, each of shape (boxes,)."""

    corners: NDArray[np.float64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]


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


def named(answer: Any) -> Mapping[str, Any]:
    """Boxes, labels and scores of the only image of a batch."""
    while isinstance(answer, list | tuple):
        if len(answer) == len(_FOUND) and all(hasattr(one, "shape") for one in answer):
            return dict(zip(_FOUND, answer, strict=True))
        # A detector of torchvision in TorchScript gives losses first, and detections last.
        answer = answer[-1]
    found: Mapping[str, Any] = answer
    return found


_FOUND = ("boxes", "labels", "scores")


def boxes_of(found: Mapping[str, Any]) -> Boxes:
    corners = array(found["boxes"]).astype(np.float64).reshape(-1, 4)
    scores = array(found["scores"]).astype(np.float64).reshape(-1)
    labels = array(found["labels"]).astype(np.int64).reshape(-1)
    if not (np.isfinite(corners).all() and np.isfinite(scores).all()):
        raise NoAnswer("its boxes or scores are no numbers (NaN or infinite)")
    if len(scores) and not (scores.min() >= 0.0 and scores.max() <= 1.0):
        raise NoAnswer("its scores are no probabilities")
    if not len(corners) == len(scores) == len(labels):
        raise NoAnswer(
            f"it gives {len(corners)} boxes, {len(labels)} labels and {len(scores)} scores"
        )
    order = np.argsort(-scores, kind="stable")
    return Boxes(corners[order], labels[order], scores[order])


def array(value: Any) -> NDArray[np.float32]:
    if isinstance(value, np.ndarray):
        return value.astype(np.float32)
    array: NDArray[np.float32] = value.detach().float().cpu().numpy()
    return array
