"""Numbers of half the size, where the self-test's labels stay the same.

On a GPU a network takes half the memory and often half the time by them, and no two networks lose
alike: each is compared with itself whenever it is loaded, on the device at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inference.models.cards.card_precision import CardHalfPrecision

if TYPE_CHECKING:
    import torch


class HalfNetwork:
    """A network under autocast; its answers are float32."""

    def __init__(self, network: torch.nn.Module, numbers: str, device: str) -> None:
        self.network, self._numbers, self._device = network, numbers, device

    def __call__(self, windows: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        import torch

        with torch.autocast(self._device, getattr(torch, self._numbers)):
            return _floats(self.network(windows, *args, **kwargs))


@dataclass(frozen=True)
class Precision:
    """How a network of a card that asks for half precision computes, and why."""

    asked: CardHalfPrecision
    equal: float
    """The share of the self-test's voxels that got the same label."""

    @property
    def is_half(self) -> bool:
        return self.equal >= self.asked.equal_at_least

    @property
    def text(self) -> str:
        """For people who verify the model."""
        numbers = self.asked.numbers if self.is_half else "float32"
        return (
            f"It computes in {numbers}: in {self.asked.numbers} {_percent(self.equal)} of the"
            f" self-test's voxels get the same label, and the card asks for"
            f" {_percent(self.asked.equal_at_least)}."
        )

    @property
    def parameter(self) -> str:
        """For the results: `name=value`."""
        numbers = self.asked.numbers if self.is_half else "float32"
        return f"numbers={numbers} ({self.asked.numbers}: {_percent(self.equal)} of labels equal)"


def precision_of(
    asked: CardHalfPrecision,
    network: torch.nn.Module,
    device: str,
    image: torch.Tensor,
    labels_of: Callable[[Any], torch.Tensor],
) -> Precision:
    """What half precision makes of an image of the self-test; `labels_of` an answer."""
    import torch

    with torch.inference_mode():
        whole = labels_of(network(image))
        half = labels_of(HalfNetwork(network, asked.numbers, device)(image))
    return Precision(asked, float((whole == half).float().mean()))


def labels(logits: torch.Tensor, *, overlapping: bool) -> torch.Tensor:
    """The likeliest of several channels; of one, or of structures that may overlap, each by
    itself."""
    return logits > 0 if overlapping or logits.shape[1] == 1 else logits.argmax(1)


def _percent(share: float) -> str:
    # Rounded down: what is not all must not read as if it was.
    return f"{int(share * 1e6) / 1e4:g} %"


def _floats(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {key: _floats(one) for key, one in answer.items()}
    if isinstance(answer, list | tuple):
        return type(answer)(_floats(one) for one in answer)
    # Whole numbers beside them, such as labels of boxes, stay what they are.
    is_float = hasattr(answer, "is_floating_point") and answer.is_floating_point()
    return answer.float() if is_float else answer
