"""What a network is shown in its self-test, and what of its answer is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference.models.description import ModelDescription
from inference.models.devices import device

if TYPE_CHECKING:
    import torch

_PROBE_ROI = (64, 64, 64)


def noise_for(inferer: Any, bundle: ModelDescription) -> torch.Tensor:
    """The same at each time, on the device at hand."""
    import torch

    roi = _probe_shape(inferer, bundle)
    generator = torch.Generator().manual_seed(1)
    channels = bundle.channels or len(bundle.card.inputs) or 1
    return torch.rand((1, channels, *roi), generator=generator).to(device())


def _probe_shape(inferer: Any, bundle: ModelDescription) -> tuple[int, ...]:
    """What a network is sure to take: the shape that its metadata state, or its window."""
    roi = tuple(bundle.probe_shape or getattr(inferer, "roi_size", None) or _PROBE_ROI)
    return _PROBE_ROI if any(size <= 0 for size in roi) else roi


def main_output(answer: Any) -> torch.Tensor:
    """The main output of a network that gives several: deep supervision, heads of a detector."""
    while not hasattr(answer, "shape"):
        answer = next(iter(answer.values())) if isinstance(answer, dict) else answer[0]
    tensor: torch.Tensor = answer
    return tensor
