"""Whether the structures that a network found of a brain can be right.

A network gives an answer for every head. What it makes of one that it was not made for shows in
the answer itself: tissue without a name, one side much smaller than the other, a nucleus in
pieces, tissue that is as dark as fluid. The limits are wide: beyond them a segmentation failed or
one side is diseased, which a reader who looks at the mask can tell, and this cannot.
docs/pipelines.md has their sources.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.imaging.boxes import box_of
from inference.imaging.connected_parts import connected_parts
from inference.imaging.volume import Volume
from inference.pipeline import Segment
from inference.pipelines.brain.dark_places import share_without_signal, thick_places
from inference.pipelines.brain.head_size import (
    LEAST_CONTRAST,
    MOST_CM2,
    contrast,
    section_cm2,
    turned,
)
from inference.pipelines.structures import LEFT, RIGHT, STRUCTURES, Structure
from storage.core.findings import Validity

# Of tissue in the intracranial mask: what no structure claims. 6 % on the shared adult head.
MOST_UNNAMED_SHARE = 0.12
# What structures may claim outside of the mask, of all that they claim. 0.2 % there.
MOST_OUTSIDE_SHARE = 0.05
# Of a compact structure: what does not hang together with its largest part.
MOST_FRAGMENTS_SHARE = 0.20
# Of the parenchyma: by how much the sides that are too unlike differ. This node's own: a small
# nucleus does not change it, half of a cerebellum does.
MOST_MISSING_SHARE = 0.02

# Of a structure: what lies in thick places as dark as fluid, such as the hole of a resection.
# The shared adult head has none.
MOST_DARK_SHARE = 0.05
# Of the intracranial mask: what lies where the images have no signal at all. None there.
MOST_SHARE_WITHOUT_SIGNAL = 0.01

_CAVITIES = frozenset(
    {"Lateral-Ventricle", "Inferior-Lateral-Ventricle", "3rd-Ventricle", "4th-Ventricle"}
)
_COMPACT = frozenset(
    {"Thalamus", "Caudate", "Putamen", "Pallidum", "Hippocampus", "Amygdala", "Brain-Stem"}
)
# |left - right| / (left + right). Nuclei: the mean and five standard deviations of the values of
# FreeSurfer in the first 50 people of the Vallecas Project who stayed healthy (published with
# Gomez-Ramirez et al. 2021, github.com/grjd/bilateralbrain). In 2,082 people the hippocampus had
# 0.044 at the 90th percentile by FreeSurfer, 0.098 by FSL (Lucarelli et al., AJNR 2013; 34: 752).
_MOST_OF_HEALTHY = {
    "Thalamus": 0.18,
    "Putamen": 0.15,
    "Amygdala": 0.33,
    "Pallidum": 0.24,
    "Caudate": 0.19,
    "Hippocampus": 0.18,
    "Accumbens-area": 0.45,
}
# This node's own. The halves of the cerebrum differ by less than 1 % in healthy people, those of
# the cerebellum not at all on average (Carne et al., J Clin Neurosci 2006; 13: 60, 97 volunteers).
# Of the ventricles one may have a ninth of the other; the horns are a few voxels wide, and may be
# on one side only.
_MOST_OF_OUR_OWN = {
    "Cerebral-White-Matter": 0.10,
    "Cerebral-Cortex": 0.10,
    "Cerebellum-White-Matter": 0.15,
    "Cerebellum-Cortex": 0.10,
    "VentralDC": 0.18,
    "Lateral-Ventricle": 0.8,
    "Inferior-Lateral-Ventricle": 1.0,
}
MOST_ASYMMETRY = _MOST_OF_HEALTHY | _MOST_OF_OUR_OWN
_LABEL_OF_CODE = {one.code: one.label for one in STRUCTURES}
_LOOK = "Look at the mask before using the value."


def is_cavity(segment: Segment) -> bool:
    """Whether it holds cerebrospinal fluid, and so is no tissue."""
    return _LABEL_OF_CODE.get(segment.type) in _CAVITIES


@dataclass(frozen=True)
class Judgement:
    """What is not plausible: of the whole, and by index of the segment."""

    whole: str
    segments: Mapping[int, str]
    parenchyma: str = ""

    def validity(self, index: int | None) -> Validity | None:
        """Of a segment; None: of the parenchyma."""
        reason = self.whole or (self.parenchyma if index is None else self.segments.get(index, ""))
        return Validity("implausible", reason=f"{reason} {_LOOK}") if reason else None


def judge(
    segments: Sequence[Segment],
    masks: NDArray[np.uint8],
    intracranial: NDArray[np.bool_],
    volume: Volume,
    against: str = "",
) -> Judgement:
    """`masks`: the number of each voxel's segment, from 1; `intracranial`: the mask of deepbet;
    `against`: what is known to speak against all of it already.

    Both of shape (slices, rows, columns), on the grid of `volume`.
    """
    counts = np.bincount(masks.ravel(), minlength=len(segments) + 1)
    dark = _dark_counts(segments, masks, volume)
    reasons = _asymmetric(segments, counts) | _dark(segments, counts, dark)
    for index, segment in enumerate(segments):
        if _LABEL_OF_CODE.get(segment.type) in _COMPACT:
            share = _fragments_share(masks == index + 1)
            if share > MOST_FRAGMENTS_SHARE:
                reasons[index] = f"{share:.0%} of it lies apart from its largest part."
    whole = against or _whole(segments, masks, intracranial, volume, int(counts[1:].sum()))
    parenchyma = _missing(segments, counts) or _dark_parenchyma(segments, counts, dark)
    return Judgement(whole, reasons, parenchyma)


def validity_of_mask(
    intracranial: NDArray[np.bool_], volume: Volume, against: str | None = None
) -> Validity | None:
    """Of what is measured of deepbet's mask; None where nothing speaks against it.

    `against`: what is known to speak against it, where somebody has asked `turned` already.
    """
    section = section_cm2(volume, intracranial)
    if section is not None and section > MOST_CM2:
        return Validity(
            "implausible",
            reason=f"The body around it measures {section:.0f} cm² across; no head does. {_LOOK}",
        )
    differing = contrast(volume, intracranial)
    if differing is not None and differing < LEAST_CONTRAST:
        return Validity(
            "implausible",
            reason=f"All of it is alike, as in a phantom: no tissue beside fluid. {_LOOK}",
        )
    if against is None:
        against = turned(volume, intracranial)
    if against:
        return Validity("implausible", reason=f"{against} {_LOOK}")
    share = share_without_signal(intracranial, volume)
    if share <= MOST_SHARE_WITHOUT_SIGNAL:
        return None
    return Validity(
        "implausible", reason=f"{share:.0%} of it lies where the images have no signal. {_LOOK}"
    )


def _whole(
    segments: Sequence[Segment],
    masks: NDArray[np.uint8],
    intracranial: NDArray[np.bool_],
    volume: Volume,
    claimed: int,
) -> str:
    outside = int(np.count_nonzero(masks[~intracranial]))
    if claimed and outside / claimed > MOST_OUTSIDE_SHARE:
        return f"{outside / claimed:.0%} of the structures lies outside of the intracranial space."
    share = unnamed_tissue_share(segments, masks, intracranial, volume)
    if share is not None and share > MOST_UNNAMED_SHARE:
        return f"{share:.0%} of the tissue in the intracranial space belongs to no structure."
    return ""


def unnamed_tissue_share(
    segments: Sequence[Segment],
    masks: NDArray[np.uint8],
    intracranial: NDArray[np.bool_],
    volume: Volume,
) -> float | None:
    """Of what is as bright as tissue in the mask: the part that no structure claims.

    None where the network found no ventricles or no cortex to tell the two by.
    """
    darkest = _darkest_tissue(segments, masks, volume)
    if darkest is None:
        return None
    tissue = intracranial & (volume.voxels > darkest)
    padding = volume.padding_mask()
    if padding is not None:
        tissue &= ~padding
    count = int(np.count_nonzero(tissue))
    return int(np.count_nonzero(tissue & (masks == 0))) / count if count else None


def _darkest_tissue(
    segments: Sequence[Segment], masks: NDArray[np.uint8], volume: Volume
) -> float | None:
    """The middle between fluid and grey matter, than which tissue is brighter, T1-weighted.

    None where there are no ventricles or no cortex to tell the two by.
    """
    fluid, grey = (
        _median(volume, masks, [n + 1 for n, one in enumerate(segments) if holds(one)])
        for holds in (is_cavity, _is_cortex)
    )
    if fluid is None or grey is None or grey <= fluid:
        return None
    return (fluid + grey) / 2


def _dark_counts(
    segments: Sequence[Segment], masks: NDArray[np.uint8], volume: Volume
) -> NDArray[np.intp]:
    """By number of the segment: its voxels in thick places of tissue that are as dark as fluid."""
    none = np.zeros(len(segments) + 1, np.intp)
    darkest = _darkest_tissue(segments, masks, volume)
    if darkest is None:
        return none
    is_tissue = np.array([False, *(not is_cavity(one) for one in segments)])
    dark = thick_places(is_tissue[masks] & (volume.voxels <= darkest), volume.spacing_mm)
    return np.bincount(masks[dark], minlength=len(segments) + 1) if dark.any() else none


def _dark(
    segments: Sequence[Segment], counts: NDArray[np.intp], dark: NDArray[np.intp]
) -> dict[int, str]:
    reasons = {}
    for index in range(len(segments)):
        count = int(counts[index + 1])
        share = int(dark[index + 1]) / count if count else 0.0
        if share > MOST_DARK_SHARE:
            reasons[index] = f"{share:.0%} of it is as dark as cerebrospinal fluid."
    return reasons


def _dark_parenchyma(
    segments: Sequence[Segment], counts: NDArray[np.intp], dark: NDArray[np.intp]
) -> str:
    tissue = sum(int(counts[n + 1]) for n, one in enumerate(segments) if not is_cavity(one))
    if not tissue or int(dark.sum()) / tissue <= MOST_MISSING_SHARE:
        return ""
    return f"{int(dark.sum()) / tissue:.0%} of it is as dark as cerebrospinal fluid."


def _is_cortex(segment: Segment) -> bool:
    return _LABEL_OF_CODE.get(segment.type) == "Cerebral-Cortex"


def _median(volume: Volume, masks: NDArray[np.uint8], numbers: Sequence[int]) -> float | None:
    chosen = volume.voxels[np.isin(masks, numbers)]
    return float(np.median(chosen)) if chosen.size else None


def _missing(segments: Sequence[Segment], counts: NDArray[np.intp]) -> str:
    """Why the parenchyma, which is the sum of its structures, may lack a part of a side."""
    unlike = [one for one in _too_unlike(segments, counts) if one.structure.label not in _CAVITIES]
    tissue = sum(int(counts[n + 1]) for n, one in enumerate(segments) if not is_cavity(one))
    differ = sum(one.large - one.small for one in unlike)
    if not tissue or differ / tissue <= MOST_MISSING_SHARE:
        return ""
    names = ", ".join(one.structure.name for one in unlike)
    return f"The sides of its {names} differ by {differ / tissue:.0%} of it, which may be missing."


def _asymmetric(segments: Sequence[Segment], counts: NDArray[np.intp]) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for pair in _too_unlike(segments, counts):
        most = MOST_ASYMMETRY[pair.structure.label]
        reason = (
            f"One side has {pair.small / pair.large:.0%} of the volume of the other; less than"
            f" {(1 - most) / (1 + most):.0%} is a failed mask or disease of one side."
        )
        reasons |= dict.fromkeys(pair.indices, reason)
    return reasons


@dataclass(frozen=True)
class _Pair:
    """The sides of a structure: their segments, and how many voxels they have."""

    structure: Structure
    indices: tuple[int, ...]
    small: int
    large: int


def _too_unlike(segments: Sequence[Segment], counts: NDArray[np.intp]) -> Iterator[_Pair]:
    by_side: dict[tuple[str, str], int] = {}
    for index, segment in enumerate(segments):
        if segment.laterality in (LEFT, RIGHT) and segment.laterality is not None:
            by_side[_LABEL_OF_CODE.get(segment.type, ""), segment.laterality.value] = index
    for structure in STRUCTURES:
        if not structure.paired:
            continue
        sides = [by_side.get((structure.label, side.value)) for side in (LEFT, RIGHT)]
        small, large = sorted(0 if one is None else int(counts[one + 1]) for one in sides)
        total = small + large
        if total and (large - small) / total > MOST_ASYMMETRY[structure.label]:
            indices = tuple(one for one in sides if one is not None)
            yield _Pair(structure, indices, small, large)


def _fragments_share(mask: NDArray[np.bool_]) -> float:
    if not mask.any():
        return 0.0
    inside = mask[box_of(mask, 0)]
    counts = np.bincount(connected_parts(inside).ravel())[1:]
    return 1.0 - float(counts.max()) / float(counts.sum())
