"""How far apart two measurements of what has not changed may lie.

A smaller difference is stated nowhere as a change: it may be noise. Shares and counts have no
limit of their own.

**Volumes.** A mask places the surface of a structure no better than its voxels let it, so that
the limit is by the surface, and grows as a structure becomes small. For one mask of volume V
(mm3) and surface S (mm2), drawn with voxels of edge h (mm):

- *Placement.* The surface crosses S/h2 voxels. In each of them, the mask's edge lies up to half a
  voxel off, evenly distributed: its standard deviation is h/sqrt(12), and as they are independent,
  that of the volume h2 sqrt(S/12). Of 95 in 100, 1.96 times that.
- *Shift.* What all of the surface shares: thresholds and resampling put it in or out by a part of
  a voxel; h/8, the least with which the bodies of the test below are hardly ever called changed.
- *Rounding off.* Voxels and linear interpolation blur with a variance of h2/12 + h2/6 = h2/4. Half
  the height of a blurred edge lies (h2/4) k further in, k being the surface's mean curvature (the
  front of the heat equation moves by curvature times variance, halved and summed over both).
  With k = 1/t and t = 3V/S, which is the radius of a sphere, that is h2/(4t).

Shift and rounding off change t, and so the volume by V ((1 + h/8t + h2/4t2)3 - 1); placement is
independent of them. Two measurements are independent of each other, so that the squares of what
each leaves open are added, with that of 3 % of the earlier volume: the node's own estimate of what
patient, scanner and model vary beside the voxels. No publication stands behind any of this; it is
derived here, and compared with spheres and ellipsoids on various grids in
`tests/inference/findings/test_volume_variation.py`.

Where the model's card has a `FixedGrid`, the same model shifts the surface alike in both studies:
of shift and rounding off only what the series' voxels exceed the grid's counts. What people draw,
and a comparison with another version of the model, has no part in that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from storage.core.findings import VOLUME_VARIATION_PERCENT, Finding, Surface

MM3_IN = {"mm3": 1.0, "cm3": 1e3, "mL": 1e3, "L": 1e6}
"""By the UCUM code of a unit of volume: those of which a change is stated in per cent."""
_BY_CODE = {"LAA950": 3.7, "PERC15": 18.0, "MLD": 18.0}
"""In the unit of the finding: percentage points and HU. The node's own estimate, of the size that
is known for scans in inspiration whose lung volume is not adjusted for; not checked against a
publication, and of no claim by anybody else. That of the mean density is the percentile's."""
_COVERED = 1.96
"""Standard deviations that hold 95 in 100."""
_SHIFT, _BLUR = 1 / 8, 1 / 4
# Of what was stored before masks were looked at: a fifth more surface than a sphere's, voxels of
# 2 mm. Sampled spheres of 0.3 cm3 or more lie within that in 95 of 100 pairs.
_UNKNOWN_DEPTH_MM, _UNKNOWN_SHAPE = 2.0, 1.2
_SPHERE = (36.0 * math.pi) ** (1 / 3)
_FIXED_BEFORE_MM = {"brain-structures": 1.0}
"""Pipelines of the node that saw every series on one grid when findings did not state it yet."""


@dataclass(frozen=True)
class Variation:
    """The limit below which a difference from the earlier value is none."""

    amount: float
    """In the unit of the finding."""
    percent: float | None
    """Of a volume: the same, of the earlier value."""

    def covers(self, now: float, then: float) -> bool:
        if self.percent is not None and then:
            # Rounded as the change is stated, so that no two of its statements disagree.
            return abs(round((now - then) / then * 100.0, 2)) < self.percent
        return abs(now - then) < self.amount


def is_volume(finding: Finding) -> bool:
    return finding.unit is not None and finding.unit.value in MM3_IN


def variation_of(now: Finding, then: Finding, before: float) -> Variation | None:
    """Of a finding beside an earlier one, whose value counts as `before`; None of what has no
    known limit."""
    if not is_volume(now):
        amount = _BY_CODE.get(now.code.value)
        return None if amount is None else Variation(amount, None)
    if before <= 0:
        return None
    same_model = (now.pipeline, now.pipeline_version) == (then.pipeline, then.pipeline_version)
    counted = now, replace(then, value=before)
    left_open = math.hypot(*(_left_open(one, same_model) for one in counted))
    percent = round(math.hypot(VOLUME_VARIATION_PERCENT, left_open / before * 100.0), 2)
    return Variation(before * percent / 100.0, percent)


def left_open_mm3(volume_mm3: float, surface: Surface) -> float:
    """How far the volume of one mask may be off, in 95 of 100 (see above)."""
    if volume_mm3 <= 0:
        return 0.0
    depth, fixed = surface.depth_mm, surface.fixed_grid_mm
    thickness = 3.0 * volume_mm3 / max(surface.area_mm2, 1e-9)
    shift = _SHIFT * max(0.0, depth - fixed) / thickness
    rounding_off = _BLUR * max(0.0, depth**2 - fixed**2) / thickness**2
    placement = _COVERED * depth**2 * math.sqrt(surface.area_mm2 / 12.0)
    return math.hypot(placement, volume_mm3 * ((1.0 + shift + rounding_off) ** 3 - 1.0))


def joined_surface(findings: Sequence[Finding]) -> Surface | None:
    """Of several masks together; None where one of them is not known."""
    surfaces = [one.validity.surface if one.validity else None for one in findings]
    known = [one for one in surfaces if one is not None]
    if not known or len(known) < len(surfaces):
        return None
    return Surface(
        sum(one.area_mm2 for one in known),
        max(one.depth_mm for one in known),
        min(one.fixed_grid_mm for one in known),
    )


def known_before(finding: Finding) -> Finding:
    """A finding that was stored before volumes had limits of their own, with one by its size."""
    prior = finding.prior
    if (
        prior is None
        or not is_volume(finding)
        or prior.variation_percent != VOLUME_VARIATION_PERCENT
        or (finding.validity is not None and finding.validity.surface is not None)
    ):
        return finding
    value = finding.value if prior.value_now is None else prior.value_now
    now = replace(finding, value=value)
    then = replace(now, validity=None, pipeline_version=prior.pipeline_version)
    limit = variation_of(now, then, prior.value)
    if limit is None or limit.percent is None:
        return finding
    return replace(finding, prior=replace(prior, variation_percent=limit.percent))


def _left_open(finding: Finding, same_model: bool) -> float:
    """In the unit of the finding."""
    value = finding.value or 0.0
    mm3 = MM3_IN[finding.unit.value] if finding.unit else 1.0
    surface = finding.validity.surface if finding.validity else None
    if surface is None:
        surface = _unknown(value * mm3, _FIXED_BEFORE_MM.get(finding.pipeline, 0.0))
    if not same_model:
        surface = replace(surface, fixed_grid_mm=0.0)
    return left_open_mm3(value * mm3, surface) / mm3


def _unknown(volume_mm3: float, fixed_grid_mm: float) -> Surface:
    area_mm2 = _UNKNOWN_SHAPE * _SPHERE * max(volume_mm3, 0.0) ** (2 / 3)
    return Surface(area_mm2, fixed_grid_mm or _UNKNOWN_DEPTH_MM, fixed_grid_mm)
