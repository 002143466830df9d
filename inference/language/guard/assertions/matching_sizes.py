"""Whether the sizes of an assertion are those of another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inference.language.guard.assertions.assertion import ABSENT, EXTENT, Assertion, Extent
from inference.language.guard.numbers.quantities import LARGEST_ROUNDING, Quantity
from inference.language.guard.verdict import Ground, Reason

_SIZES = frozenset(("size", "diameter"))
# Known by its unit, whether it is named or not.
_VOLUME = frozenset(("volume",))
# Of these, a size without a name is the width, up to what is plausible in mm. The largest normal
# widths are about 40, 7, 3, 13, 10 and 17 mm; the limits leave room for aneurysms and stasis.
_TUBES = {
    **dict.fromkeys(
        "aorta ascending_aorta descending_aorta thoracic_aorta abdominal_aorta".split(), 100.0
    ),
    "bile_duct": 30.0,
    "common_bile_duct": 30.0,
    "pancreatic_duct": 20.0,
    "portal_vein": 30.0,
    "splenic_vein": 25.0,
    "common_iliac_artery": 80.0,
}


def missing_extents(claim: Assertion, source: Assertion) -> Iterator[Reason]:
    """Sizes that the source does not give."""
    for one in claim.extents:
        if any(_same_extent(one, other) for other in source.extents):
            continue
        if _is_width(one, source):
            continue
        if one.change and _is_amount(one, source):
            continue
        if claim.polarity == ABSENT:
            yield Reason(Ground.NEGATION, "It denies a number.")
            continue
        units = {axis.unit.dimension for other in source.extents for axis in other.axes}
        near = not units or {axis.unit.dimension for axis in one.axes} <= units
        numbers = " x ".join(f"{axis.value:g}" for axis in one.axes)
        yield Reason(
            Ground.NUMBER if near else Ground.UNIT,
            f"The number {numbers} is not in the evidence in this unit.",
        )


def _is_width(one: Extent, source: Assertion) -> bool:
    """Whether it calls the one size of a vessel or duct its width."""
    if one.aspects != {"width"} or source.observation != EXTENT or len(one.axes) != 1:
        return False
    if not source.place.anatomy or not source.place.anatomy <= _TUBES.keys():
        return False
    if source.others or source.attributes or source.needed or source.labels:
        return False
    limit = min(_TUBES[each] for each in source.place.anatomy)
    axis = one.axes[0]
    if axis.unit.dimension != "mm" or axis.value * axis.unit.factor > limit:
        return False
    plain = replace(one, aspects=frozenset())
    return any(
        each.alone and not each.aspects and _same_extent(plain, each) for each in source.extents
    )


def _same_extent(one: Extent, other: Extent) -> bool:
    if one.prior != other.prior or one.change != other.change or _is_bound_or_mean(one, other):
        return False
    if one.order and one.order != other.order:
        return False
    if other.aspects and one.aspects and not one.aspects <= other.aspects | _SIZES:
        return False
    of_unit = _VOLUME if {axis.unit.dimension for axis in one.axes} == {"mm3"} else frozenset()
    if not other.aspects and not one.aspects <= _SIZES | of_unit:
        return False
    if len(one.axes) == 1 and (one.greatest or other.greatest):
        largest = max(other.axes, key=lambda axis: axis.value * axis.unit.factor)
        return (one.greatest or len(other.axes) == 1) and agrees(one.axes[0], largest)
    return len(one.axes) == len(other.axes) and all(
        agrees(mine, theirs) for mine, theirs in zip(one.axes, other.axes, strict=True)
    )


def _is_bound_or_mean(one: Extent, other: Extent) -> bool:
    """Whether one size alone is `up to 5 mm`, or a mean."""
    averaged = "mean" in one.aspects ^ other.aspects and one.axes[0].unit.dimension == "mm"
    return averaged or (other.greatest and not one.greatest)


def agrees(one: Quantity, other: Quantity) -> bool:
    """Whether a number is another one, converted and rounded to what is written."""
    if one.unit.dimension != other.unit.dimension:
        return False
    if one.unit.dimension in ("1", "year"):
        return one.value == other.value
    meant = other.value * other.unit.factor / one.unit.factor
    off = abs(meant - one.value)
    return off <= 0.5 * 10.0**-one.decimals + 1e-9 and off <= LARGEST_ROUNDING * abs(meant)


def _is_amount(one: Extent, source: Assertion) -> bool:
    now = [each.axes for each in source.extents if not each.prior and not each.change]
    then = [each.axes for each in source.extents if each.prior]
    if len(now) != 1 or len(then) != 1 or len(now[0]) != 1 or len(then[0]) != 1:
        return False
    difference = abs(
        now[0][0].value * now[0][0].unit.factor - then[0][0].value * then[0][0].unit.factor
    )
    return len(one.axes) == 1 and agrees(
        one.axes[0], replace(now[0][0], value=difference / now[0][0].unit.factor)
    )
