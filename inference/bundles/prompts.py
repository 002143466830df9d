"""What an interactive bundle is asked for: classes, or points in the patient.

Two contracts of MONAI's zoo. DeepEdit: clicks of each label go in as channels beside the image;
without any it segments by itself. VISTA3D: classes by number, or the points of one structure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from storage.core.errors import InvalidRequest

if TYPE_CHECKING:
    from inference.bundles.loading import Parts

_INSIDE, _OUTSIDE = 1, 0


@dataclass(frozen=True)
class Click:
    """A point in the patient, LPS in mm, that lies in a structure, or, with `inside` false, that
    does not. `label`: of DeepEdit the label's name; of VISTA3D the class, where there is one."""

    lps_mm: tuple[float, float, float]
    label: str = ""
    inside: bool = True


@dataclass(frozen=True)
class Prompts:
    """`given` goes beside the image into a bundle's preprocessing."""

    given: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of_classes(values: Sequence[int]) -> Prompts:
        return Prompts({"label_prompt": list(values)})

    @staticmethod
    def of_points(clicks: Sequence[Click], volume: Volume, label: int | None = None) -> Prompts:
        """Points of one structure, as VISTA3D takes them; of a class that it knows by `label`,
        else of whatever is there. Raises InvalidRequest for a point outside the volume."""
        given: dict[str, Any] = {
            "points": [index_of(click, volume).tolist() for click in clicks],
            "point_labels": [_INSIDE if click.inside else _OUTSIDE for click in clicks],
        }
        return Prompts(given if label is None else {**given, "label_prompt": [label]})

    @staticmethod
    def of_clicks(clicks: Sequence[Click], volume: Volume) -> Prompts:
        """Clicks by label, as DeepEdit takes them; what lies in no structure is `background`.
        Raises InvalidRequest for a point outside the volume."""
        given: dict[str, list[list[float]]] = {}
        for click in clicks:
            name = click.label if click.inside else "background"
            given.setdefault(name, []).append(index_of(click, volume).tolist())
        return Prompts(given)


def index_of(click: Click, volume: Volume) -> NDArray[np.float64]:
    """Where a click lies in the image as MONAI reads it: (i, j, k) from 0, voxels' centres whole.
    Raises InvalidRequest where it lies outside."""
    kji = np.linalg.solve(volume.lps_from_kji, np.array([*click.lps_mm, 1.0]))[:3]
    if (kji < -0.5).any() or (kji > np.array(volume.voxels.shape) - 0.5).any():
        raise InvalidRequest(
            f"The point {click.lps_mm} mm lies outside the series.",
            remedy="Click into the image; coordinates are of the patient, LPS.",
        )
    found: NDArray[np.float64] = kji[::-1].copy()
    return found


def prompted(parts: Parts, data: dict[str, Any], batch: Any) -> tuple[dict[str, Any], Any]:
    """What VISTA3D's evaluator does between preprocessing and postprocessing: the data with its
    prompts as tensors, and logits of shape (1, objects, x, y, z).
    """
    import torch

    for operation in data["image"].applied_operations:
        _of_any_identity(operation)
    known = data.get("label_prompt")
    classes = None if known is None else torch.tensor(known, device=batch.device)
    points = labels = None
    if data.get("points") is not None:
        image = data["image"]
        # The preprocessing has turned, resampled and cropped the image; the points have not moved.
        here = np.linalg.inv(np.asarray(image.affine)) @ np.asarray(image.meta["original_affine"])
        at = np.c_[np.asarray(data["points"], np.float64), np.ones(len(data["points"]))]
        points = torch.as_tensor((at @ here.T)[None, :, :3], dtype=torch.float32).to(batch.device)
        labels = torch.tensor(data["point_labels"], device=batch.device)[None]
    predicted = parts.inferer(
        inputs=batch,
        network=parts.network,
        point_coords=points,
        point_labels=labels,
        class_vector=None if classes is None else classes[:, None],
    )
    asked: dict[str, Any] = {"label_prompt": classes}
    if points is not None:
        asked |= {"points": points, "point_labels": labels}
    return {**data, **asked}, predicted


def _of_any_identity(operation: dict[str, Any]) -> None:
    """The bundle inverts a copy of its preprocessing, and MONAI knows transforms by their identity
    unless that is left open; a crop carries the padding that it did in its own entry."""
    from monai.utils.enums import TraceKeys

    operation[TraceKeys.ID] = TraceKeys.NONE
    for part in (operation.get(TraceKeys.EXTRA_INFO) or {}).values():
        if isinstance(part, dict) and TraceKeys.ID in part:
            _of_any_identity(part)
