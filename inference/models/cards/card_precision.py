"""What a card says of computing in numbers of half the size."""

from typing import Literal

from pydantic import Field

from inference.rules.conditions import Strict


class CardHalfPrecision(Strict):
    """A segmentation's network computes by torch's autocast where the self-test's labels are then
    the same; elsewhere in float32."""

    numbers: Literal["bfloat16", "float16"] = "bfloat16"
    equal_at_least: float = Field(0.999, ge=0.9, le=1)
    """The share of the self-test's voxels that must get the same label."""
    on_cpu: bool = False
    """Also on a CPU, where few are faster by it."""
