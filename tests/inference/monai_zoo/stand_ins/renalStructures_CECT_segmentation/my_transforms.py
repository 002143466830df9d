"""Stands in for the bundle's own: three phases to one image, six masks to one label map."""

from typing import Any

import torch
from monai.transforms import InvertibleTransform, MapTransform


class ConcatImages(MapTransform, InvertibleTransform):
    def __init__(self, keys_merge: list[str], keys_out: str) -> None:
        MapTransform.__init__(self, keys_merge)
        self.keys_out = keys_out

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        merged = torch.cat([torch.as_tensor(data[key]) for key in self.keys])
        # As the original, it asks for the header of the first.
        header = data[f"{self.keys[0]}_meta_dict"]
        return {**data, self.keys_out: merged, f"{self.keys_out}_meta_dict": header}

    def inverse(self, data: dict[str, Any]) -> dict[str, Any]:
        return data


class MergeClassesd(MapTransform):
    """Of masks that overlap, the first counts."""

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        for key in self.keys:
            merged = torch.zeros_like(data[key][:1])
            for value in range(1, len(data[key])):
                merged[(merged == 0) & (data[key][value : value + 1] > 0)] = value
            data[key] = merged
        return data
