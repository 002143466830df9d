"""Whether two values were measured in scans that are alike enough to compare them.

Nothing of the one side of the body is compared with that of the other. The rest is of densities.

Noise and sharpness of the images move a share of low attenuation or a percentile by more than any
disease does. No table of vendors' kernels stands behind this: the same kernel is alike, every other
one is not, and what is not known is not compared.
"""

from dataclasses import replace
from typing import Literal, NamedTuple

from storage.core.caveats import Caveat
from storage.core.findings import Acquisition, Finding
from storage.core.text.rounding import rounded

DENSITIES = frozenset({"LAA950", "PERC15", "MLD"})
"""Codes of what depends on the acquisition."""
_SIDES = {"L": "left", "R": "right", "B": "both", "": "not known"}
_SAME_BREATH_PERCENT = 10.0
"""Of the earlier volume of the lung; beyond, a change of its density is stated with that."""
_NOT_INSPIRED = (
    "The lung volume is below its normal range: the scan may not be at full inspiration, for which"
    " the limit holds."
)
_INSPIRATION_UNKNOWN = (
    "Whether the scan is at full inspiration, for which the limit holds, is not known from the lung"
    " volume."
)
_THICKER = 1.5
_OF_SMOOTH_KERNELS = "COPDGene 2019"


class Unlike(NamedTuple):
    """Why two values are not compared.

    `then` and `now`: a side, a kernel, or a thickness in mm; empty or None where one is not known.
    """

    kind: Literal[
        "laterality", "kernel", "slice_thickness", "kernel_unknown", "slice_thickness_unknown"
    ]
    then: str | float | None
    now: str | float | None

    @property
    def in_words(self) -> str:
        if self.kind == "laterality":
            return f"{self.then} side then, {self.now} side now"
        what = "slice thickness" if self.kind.startswith("slice") else "kernel"
        return f"{what} {self.then_and_now}"

    @property
    def then_and_now(self) -> str:
        return f"{_in_english(self.then)} then, {_in_english(self.now)} now"


def why_unlike(now: Finding, then: Finding) -> Unlike | None:
    """None of what may be compared, as volumes are of one side, which do not depend on the rest."""
    sides = laterality_of(then), laterality_of(now)
    if sides_contradict(*sides):
        return Unlike("laterality", _SIDES[sides[0]], _SIDES[sides[1]])
    if now.code.value not in DENSITIES:
        return None
    here, before = _of(now), _of(then)
    if not here.kernel or not before.kernel:
        return Unlike("kernel_unknown", before.kernel, here.kernel)
    if here.kernel.casefold() != before.kernel.casefold():
        return Unlike("kernel", before.kernel, here.kernel)
    if not here.slice_thickness_mm or not before.slice_thickness_mm:
        return Unlike("slice_thickness_unknown", before.slice_thickness_mm, here.slice_thickness_mm)
    return slices_differ(now, then)


def laterality_of(finding: Finding) -> str:
    """Which side its images state: L, R or B; empty where it is not known."""
    return _of(finding).laterality


def sides_contradict(then: str, now: str) -> bool:
    """Whether two lateralities (L, R, B or empty) cannot be of one organ."""
    return {then, now} == {"L", "R"}


def side_doubted(now: Finding, then: Finding) -> bool:
    """Whether one of two studies states one side and the other not that one alone, so that the
    organ may be another. What has a side of its own, as the left lung, is that one in both."""
    sides = {laterality_of(then), laterality_of(now)}
    if len(sides) < 2 or not sides & {"L", "R"} or sides == {"L", "R"}:
        return False
    has_own = now.segmentation is not None and now.segmentation.laterality is not None
    return not has_own and not now.label.lower().startswith(("left ", "right ", "both "))


def not_compared_caveat(of_day: str, unlike: Unlike) -> Caveat:
    """`of_day`: " of 2024-01-10", or " before"."""
    return Caveat("not_compared", f"Not compared with the study{of_day}: {unlike.in_words}.")


def side_caveat(of_day: str, now: Finding, then: Finding) -> Caveat:
    """`of_day`: " of 2024-01-10", or " before"."""
    sides = [_SIDES[laterality_of(one)] for one in (then, now)]
    return Caveat(
        "other_side",
        f"Compared with the study{of_day}, though only one of the two states one side:"
        f" {sides[0]} then, {sides[1]} now.",
    )


def slices_differ(now: Finding, then: Finding) -> Unlike | None:
    """Where both were measured on slices of a known thickness, by much another one. Volumes are
    compared all the same: the limit of their change goes by the voxels."""
    thick, thicker = _of(now).slice_thickness_mm, _of(then).slice_thickness_mm
    if not thick or not thicker or max(thick, thicker) <= _THICKER * min(thick, thicker):
        return None
    return Unlike("slice_thickness", thicker, thick)


def slices_caveat(of_day: str, unlike: Unlike) -> Caveat:
    """`of_day`: " of 2024-01-10", or " before"."""
    return Caveat(
        "other_slices",
        f"Compared across slice thicknesses with the study{of_day}: {unlike.then_and_now}, which"
        " may be a part of the change.",
    )


def breath_differs_percent(now_volume: float | None, then_volume: float | None) -> float | None:
    """How far the volumes of a lung lie apart, of the earlier one; None where its densities are of
    much the same depth of breath, or that is not known."""
    if now_volume is None or not then_volume:
        return None
    percent = abs(now_volume - then_volume) / then_volume * 100.0
    return percent if percent > _SAME_BREATH_PERCENT else None


def breath_caveat(of_day: str, percent: float, changes: str = "density as well") -> Caveat:
    """`of_day`: " of 2024-01-10", or " before"."""
    return Caveat(
        "other_breath",
        f"Lung volume differs from that of the study{of_day} by {rounded(percent, 1)} %: another"
        f" depth of breath changes {changes}.",
    )


def not_found_caveat(of_day: str, side: str, litres: float) -> Caveat:
    """`side` of the lung; `of_day`: " of 2024-01-10", or " before"."""
    return Caveat(
        "not_found_now",
        f"The study{of_day} states a {side} lung of {rounded(litres, 2)} L, which was not found"
        " now.",
    )


def limit_at_full_inspiration(density: Finding, volume: Finding) -> Finding:
    """The finding of low attenuation, with a caveat where the volume of its lung is below what is
    normal, so that the scan may not be at full inspiration, for which the limit holds; or where
    no normal volume is known to compare it with."""
    normal, of_volume = density.normal_range, volume.normal_range
    if (
        density.code.value != "LAA950"
        or normal is None
        or normal.missing
        or not normal.source.startswith(_OF_SMOOTH_KERNELS)
        or of_volume is None
    ):
        return density
    if of_volume.missing:
        doubt = f"{_INSPIRATION_UNKNOWN} {of_volume.missing}"
    elif of_volume.low is None or volume.value is None or volume.value >= of_volume.low:
        return density
    else:
        doubt = _NOT_INSPIRED
    caveat = f"{normal.caveat} {doubt}".lstrip()
    return replace(density, normal_range=replace(normal, caveat=caveat))


def limit_doubted(finding: Finding) -> Finding:
    """A finding that was stored before the kernel was looked at: whether the limit of low
    attenuation holds for its images is not known."""
    normal = finding.normal_range
    if (
        finding.code.value != "LAA950"
        or normal is None
        or normal.missing
        or normal.caveat
        or not normal.source.startswith(_OF_SMOOTH_KERNELS)
        or (finding.validity is not None and finding.validity.acquisition is not None)
    ):
        return finding
    caveat = "Kernel not known: the limit is for smooth kernels."
    return replace(finding, normal_range=replace(normal, caveat=caveat))


def _of(finding: Finding) -> Acquisition:
    stored = finding.validity.acquisition if finding.validity else None
    return stored or Acquisition()


def _in_english(known: str | float | None) -> str:
    return f"{known:g} mm" if known and not isinstance(known, str) else str(known or "not known")
