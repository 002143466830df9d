"""Stands in for the bundle's own: a regression of ten points in each plane of a series."""

from typing import Any

import torch
from monai.inferers import Inferer
from monai.networks.nets import Regressor
from monai.transforms import MapTransform


class PointRegressor(Regressor):
    """Points of which the first coordinate runs along the first axis of the image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 128 + 40 * super().forward(x)


class LandmarkInferer(Inferer):
    def __init__(self, spatial_dim: int = 0, stack_dim: int = -1) -> None:
        Inferer.__init__(self)
        self.spatial_dim, self.stack_dim = spatial_dim, stack_dim

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Any:
        if inputs.ndim != 5:
            raise ValueError(f"The inferer wants BCDHW, and is given {inputs.shape}.")
        planes = inputs.unbind(self.spatial_dim + 2)
        return torch.stack([network(plane) for plane in planes], self.stack_dim)


class NpySaverd(MapTransform):
    def __init__(self, keys: str, output_dir: str, data_root_dir: str) -> None:
        MapTransform.__init__(self, keys)

    def __call__(self, data: Any) -> Any:
        raise RuntimeError("The node writes no files of a bundle.")
