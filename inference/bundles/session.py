"""An interactive bundle and one series: clicks in, a mask back, as often as somebody likes.

The network is loaded, and the volume preprocessed, once. By class: DeepEdit's labels or
VISTA3D's numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.bundles.configuration import reads_guidance
from inference.bundles.loading import load_parts
from inference.bundles.prepared_image import PreparedImage
from inference.bundles.prompts import Click, Prompts
from inference.bundles.runner import predict
from inference.imaging.volume import Volume
from inference.models.description import ModelDescription
from inference.pipeline import ignore_progress
from storage.core.errors import InvalidRequest

_NOT_SEEN = 255


class InteractiveSession:
    """One bundle at one volume. Raises InvalidRequest where the bundle takes no clicks, and
    ModelUnusable where it cannot be loaded."""

    def __init__(self, bundle: ModelDescription, volume: Volume, threads: int) -> None:
        self._bundle, self._volume, self._threads = bundle, volume, threads
        self._prepared = PreparedImage()
        file = bundle.inference_file
        self._by_label = file is not None and reads_guidance(file)
        if not self._by_label and not load_parts(bundle, threads).prompts:
            raise InvalidRequest(
                f"The bundle {bundle.name} takes no clicks.",
                remedy="Bundles in the manner of DeepEdit and of VISTA3D do.",
            )

    def segment(self, clicks: Sequence[Click], label: str = "") -> NDArray[np.bool_]:
        """The mask of a structure on the grid of the volume: bool (slices, rows, columns).

        `label` is the structure's name in the bundle; VISTA3D also takes clicks into what has
        none. Raises InvalidRequest for a name that it does not know, a point outside, or no click
        where there is no name either; ModelUnusable.
        """
        value = self._value(label)
        if self._by_label:
            stated = [Click(one.lps_mm, one.label or label, one.inside) for one in clicks]
            prompts = Prompts.of_clicks(stated, self._volume)
        elif clicks:
            prompts = Prompts.of_points(clicks, self._volume, value)
        elif value is not None:
            prompts = Prompts.of_classes([value])
        else:
            raise InvalidRequest(
                "Neither a click nor a structure was named.", remedy="Click, or name one."
            )
        found = predict(
            self._bundle,
            self._volume,
            self._threads,
            ignore_progress,
            prompts=prompts,
            prepared=self._prepared,
        )
        values = np.rint(found[0])
        # Asked for one structure, VISTA3D may answer by its parts, and by a value of its own where
        # it has not looked.
        mask: NDArray[np.bool_] = (
            values == value if self._by_label else (values > 0) & (values != _NOT_SEEN)
        )
        return mask

    def _value(self, label: str) -> int | None:
        if not label:
            return min(self._bundle.labels) if self._by_label else None
        known = {name.lower(): value for value, name in self._bundle.labels.items()}
        if label.lower() not in known:
            raise InvalidRequest(
                f"The bundle {self._bundle.name} knows no {label}.",
                remedy=f"It knows {', '.join(list(known)[:20])}.",
            )
        return known[label.lower()]
