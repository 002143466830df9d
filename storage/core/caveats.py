"""What a reader must know of a value that stands all the same: of what kind, and in a sentence."""

from dataclasses import dataclass
from typing import Literal

CaveatKind = Literal[
    "outside_population",  # of whom or what the model was not made for
    "part_of_series",  # of stacks of a series that were not analysed
    "tube_voltages",  # of several X-ray energies
    "registered_with_residual",  # how badly series were registered to each other
    "not_compared",  # of an earlier value of another acquisition, or of the other side
    "other_breath",  # of an earlier value at another depth of breath
    "other_slices",  # of an earlier volume on other slices
    "other_side",  # of an earlier value whose side is not certain
    "not_found_now",  # of an earlier value of a lung that was not found now
    "no_left_lung",  # of a lung that was not found
    "no_right_lung",
    "side_not_certain",  # of lung beyond the middle of the body
    "hounsfield_scale",  # of air that is not at -1000 HU
    "free_air",  # of air that may be a bulla, or none of the lung's
    "streaks",  # of metal or undiluted contrast agent
    "lossy_compression",  # of images
    "ages_contradict",  # of birth date and stated age
    "born_after_study",  # of birth date and study date
    "other",  # what an older version of the node stored, which stated no kinds
]
OF_EARLIER_STUDY: frozenset[CaveatKind] = frozenset(
    {"not_compared", "other_breath", "other_slices", "other_side", "not_found_now"}
)
"""Those that follow what is known of earlier studies."""

Limit = Literal[
    "age", "sex", "field strength", "manufacturer", "sequence", "slice thickness", "tube voltage",
    "contrast agent",
]  # fmt: skip
"""For what a model's card says whom and what it was made for."""


@dataclass(frozen=True)
class Caveat:
    """`text`: one sentence or more in English. `limits`: of `outside_population`, which."""

    kind: CaveatKind
    text: str
    limits: tuple[Limit, ...] = ()
