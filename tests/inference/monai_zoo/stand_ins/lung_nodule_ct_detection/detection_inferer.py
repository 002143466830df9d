"""Stands in for the bundle's own: a list of images in, a list of boxes out."""

from typing import Any

from monai.inferers import Inferer


class RetinaNetInferer(Inferer):
    def __init__(self, detector: Any, force_sliding_window: bool = False) -> None:
        Inferer.__init__(self)
        self.detector = detector
        self.sliding = force_sliding_window

    def __call__(self, inputs: list[Any], network: Any, *args: Any, **kwargs: Any) -> Any:
        self.detector.network, self.detector.training = network, False
        large = any(one[0].numel() >= 512 * 512 * 192 for one in inputs)
        return self.detector(inputs, use_inferer=self.sliding or large)
