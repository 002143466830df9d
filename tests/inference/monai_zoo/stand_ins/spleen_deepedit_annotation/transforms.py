"""Stands in for the bundle's own: clicks moved to where the image lies now."""

from typing import Any

import numpy as np
from monai.transforms import Transform


class OrientationGuidanceMultipleLabelDeepEditd(Transform):
    def __init__(self, ref_image: str, label_names: dict[str, int]) -> None:
        self.ref_image, self.label_names = ref_image, label_names

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        image, moved = data[self.ref_image], dict(data)
        here = np.linalg.inv(image.meta["affine"].numpy()) @ image.meta["original_affine"]
        for name in self.label_names:
            if len(data.get(name, ())):
                at = np.c_[np.asarray(data[name]), np.ones(len(data[name]))]
                moved[name] = (at @ here.T)[:, :3]
        return moved
