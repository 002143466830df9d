"""Which lesions the sums may go by: RECIST 1.1 measures solid tumour, and not what surrounds it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inference.imaging.volume import Volume
from inference.lesions.points import points_of
from inference.pipeline import PipelineOutput
from storage.core.findings import Code
from storage.lesions.entities import Lesion

NOT_MEASURABLE = frozenset(
    {
        "79654002",  # Edema
        "41699000",  # Effusion
        "60046008",  # Pleural effusion
        "373945007",  # Pericardial effusion
        "389026000",  # Ascites
        "6574001",  # Necrosis
        "50960005",  # Hemorrhage
        "75753009",  # Blood clot
        "55584005",  # Embolus
        "367643001",  # Cyst
        "44132006",  # Abscess
        "409774005",  # Inflammation
        "C81175",  # Non-Enhancing Lesion (NCIt)
    }
)
"""Types of PS3.16 CID 7159, and fluids, that are no measurable lesions of a tumour
(Eisenhauer et al., Eur J Cancer 2009; 45: 228-247, 3.1.1 and 3.1.2)."""
LYMPH_NODES = frozenset({"59441001", "181756000"})
"""SCT: structure of lymph node, lymph node."""
_CONTAINED_FROM = 0.9
"""Of a lesion that lies in another, from which the other is a composite."""


def is_measurable(lesion: Lesion) -> bool:
    """By what its job stated of it, else by its type."""
    if lesion.is_measurable is not None:
        return lesion.is_measurable
    return lesion.type.value not in NOT_MEASURABLE


def is_node(lesion: Lesion) -> bool:
    return lesion.type.value in LYMPH_NODES


def is_one_type(type_: Code, other: Code) -> bool:
    """Whether two lesions of one pipeline may be one lesion by what their card calls them."""
    one, another = ("node" if each.value in LYMPH_NODES else each.value for each in (type_, other))
    return one == another


def without_composites(
    lesions: Sequence[Lesion], volume: Volume, output: PipelineOutput
) -> list[Lesion]:
    """A lesion that holds a measurable one within itself is not measured, unless the card says so.

    A model that gives the whole tumour, its core and what enhances as masks over each other
    gives one tumour three times: the innermost is measured.
    """
    if output.masks is None or output.masks.ndim != 4:
        return list(lesions)
    return [
        replace(one, is_measurable=False)
        if one.is_measurable is None and _is_composite(one, lesions, volume, output)
        else one
        for one in lesions
    ]


def _is_composite(
    lesion: Lesion, lesions: Sequence[Lesion], volume: Volume, output: PipelineOutput
) -> bool:
    mask = output.mask(lesion.segment_number - 1)
    kji_from_lps = np.linalg.inv(volume.lps_from_kji)
    for inner in lesions:
        if _volume(inner) < _volume(lesion) and is_measurable(inner):
            kji = points_of(inner) @ kji_from_lps[:3, :3].T + kji_from_lps[:3, 3]
            if mask[tuple(np.rint(kji).astype(int).T)].mean() >= _CONTAINED_FROM:
                return True
    return False


def _volume(lesion: Lesion) -> float:
    return lesion.volume_mm3 or 0.0
