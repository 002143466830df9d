"""What a bundle's preprocessing makes of an image, as far as that does not depend on clicks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

_OF_IMAGES_ALONE = "monai.transforms."
"""MONAI's own steps. Those of its applications, and of bundles, may look for prompts by name."""


class PreparedImage:
    """Of one image and one bundle: the steps before the first that reads clicks are done once.

    The image is kept as they leave it, beside the volume itself.
    """

    def __init__(self) -> None:
        self._data: dict[str, Any] | None = None

    def with_prompts(
        self, preprocessing: Any, images: Callable[[], dict[str, Any]], prompts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the whole preprocessing makes of the images and these prompts."""
        steps = getattr(preprocessing, "transforms", ())
        first = next((at for at, step in enumerate(steps) if _reads_prompts(step)), len(steps))
        if self._data is None:
            self._data = images() if first == 0 else preprocessing(images(), end=first)
        # The steps that follow, and the inverse of all, write into what they are given.
        data: dict[str, Any] = {**copy.deepcopy(self._data), **prompts}
        return data if first == len(steps) > 0 else preprocessing(data, start=first)


def _reads_prompts(step: Any) -> bool:
    return not type(step).__module__.startswith(_OF_IMAGES_ALONE)
