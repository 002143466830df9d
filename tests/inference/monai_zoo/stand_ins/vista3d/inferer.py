"""Stands in for the bundle's own: windows over the image, or around the points."""

from typing import Any

import torch
from monai.apps.vista3d.inferer import point_based_window_inferer
from monai.inferers import Inferer, sliding_window_inference


class Vista3dInferer(Inferer):
    def __init__(
        self, roi_size: Any, overlap: float, use_point_window: bool = False, sw_batch_size: int = 1
    ) -> None:
        Inferer.__init__(self)
        self.roi_size, self.overlap, self.sw_batch_size = roi_size, overlap, sw_batch_size
        self.use_point_window = use_point_window

    def __call__(
        self,
        inputs: torch.Tensor,
        network: Any,
        point_coords: Any,
        point_labels: Any,
        class_vector: Any,
        **kwargs: Any,
    ) -> Any:
        by_points = self.use_point_window and point_coords is not None
        infer: Any = point_based_window_inferer if by_points else sliding_window_inference
        known = class_vector is not None and bool((class_vector <= 132).all())
        return infer(
            inputs=inputs,
            roi_size=self.roi_size,
            sw_batch_size=self.sw_batch_size,
            transpose=True,
            predictor=network,
            mode="gaussian",
            sw_device=inputs.device,
            device=inputs.device,
            overlap=self.overlap,
            point_coords=point_coords,
            point_labels=point_labels,
            class_vector=class_vector if known else None,
            prompt_class=class_vector,
            **kwargs,
        )
