"""Whether the network that finds the brain is surer of a head when it is turned over.

A network that has seen upright heads alone draws something in others, too, and hesitates. Of the
shared head and of what was made of it (noise, a quarter of the slices, shading, up to 35 degrees
oblique) the share of voxels in doubt, over the surface, is 3.56 to 3.68; back to front it is 5.2,
upside down 6.2, both 4.5, with rows and columns exchanged 4.5, on a side 4.5 to 4.7, on the back
5.1, and 3.5 to 3.9 in each of them once it is turned back. Sides that are exchanged change nothing.
"""

from collections.abc import Callable

import torch

# Of heads beyond it the network is asked again, which takes as long as finding the brain did.
MOST_DOUBT = 3.9
# Half as much again as of any upright head tried: the box found around it may be wrong, too, and no
# turn of that box shows what a turn of the head would.
MUCH_DOUBT = 5.5
# Of the doubt: what another way round must be below.
_SURER = 0.88

_UNSURE = (
    "The network is unsure of much of the head, as of one that does not lie as its header states,"
    " or is unlike those that it was trained on."
)

_TURNS: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    ("back to front", lambda x: x.flip(1)),
    ("upside down", lambda x: x.flip(2)),
    ("upside down and back to front", lambda x: x.flip(1, 2)),
    ("across", lambda x: x.permute(1, 0, 2)),
    ("on its side", lambda x: x.permute(2, 1, 0)),
    ("on its back", lambda x: x.flip(1).permute(0, 2, 1)),
    ("on its face", lambda x: x.flip(2).permute(0, 2, 1)),
)


def doubt(probability: torch.Tensor) -> float:
    """How much of a map of probabilities is neither brain nor other, over the brain's surface."""
    brain = float((probability > 0.5).sum())
    unsure = float(((probability > 0.05) & (probability < 0.95)).sum())
    return unsure / brain ** (2 / 3) if brain else 0.0


def turned_over(
    x: torch.Tensor, own: float, probability_of: Callable[[torch.Tensor], torch.Tensor]
) -> str:
    """How the head lies, in a sentence, where the network is surer of it another way round.

    `x`: shape (n, n, n), axes to right, anterior, superior as the header has them, normalized as
    `probability_of` takes it; `own`: the doubt of its map. Empty where nothing speaks against it.
    """
    if own <= MOST_DOUBT:
        return ""
    doubts = {how: doubt(probability_of(turn(x).contiguous())) for how, turn in _TURNS}
    how = min(doubts, key=doubts.__getitem__)
    if doubts[how] >= _SURER * own:
        return _UNSURE if own > MUCH_DOUBT else ""
    return (
        f"The network is surer of the head when it is turned, as of one that lies {how}: the header"
        " may state a wrong position or orientation."
    )
