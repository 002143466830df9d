"""What a statement may say of a printed finding, as a question to the line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from inference.language.guard.dates import FoundDate
from inference.language.guard.lexicon import lexicon
from inference.language.guard.printed.lines import Line
from inference.language.guard.printed.numbers import COUNT, Value

_SIZES = frozenset(("mm", "mm²", "mm³", "ml/m²"))
_NEAR = Decimal("0.05")
"""The part of a limit by which a value may lie `slightly` beyond it."""


def equal(ours: Value | None, theirs: Value) -> bool:
    """Whether both are one value in one dimension."""
    return ours is not None and ours == theirs


def went(line: Line, first: Value | None, last: Value | None) -> bool:
    """Whether it went from one value to another, in the order of what it was and is."""
    if first is None or last is None:
        return False
    pairs = [(one, two) for one in line.earlier for two in line.values]
    plain_counts = not first.dimension and not last.dimension
    return any(
        (one.amount, two.amount) == (first.amount, last.amount)
        and (
            (one.dimension == first.dimension and two.dimension == last.dimension)
            or (plain_counts and one.dimension == two.dimension == COUNT)
        )
        for one, two in pairs
    )  # fmt: skip


def is_dated(line: Line, dates: Sequence[FoundDate]) -> bool:
    """Whether it was measured before, at these dates."""
    there = bool(line.dates) and bool(line.earlier)
    return there and all(any(one.agrees(two) for two in line.dates) for one in dates)


def direction(line: Line) -> int | None:
    """Of all values since before; None where they differ in it, or are not comparable."""
    steps = {
        (now.amount > then.amount) - (now.amount < then.amount)
        for now in line.values
        for then in line.earlier
        if now.dimension == then.dimension
    }
    return steps.pop() if len(steps) == 1 else None


def compared_value(line: Line) -> Value | None:
    """The value that has a range or a limit."""
    ends = [one for one in (line.low, line.high) if one is not None]
    found = [one for one in line.values if ends and one.dimension == ends[0].dimension]
    same = all(one.dimension == ends[0].dimension for one in ends)
    return found[0] if len(found) == 1 and same else None


def position_of(line: Line) -> int | None:
    """Below (-1), within (0) or above (1) what it is compared with; None where it is not."""
    value = compared_value(line)
    if value is None:
        return None
    if line.low is not None and value.amount < line.low.amount:
        return -1
    return 1 if line.high is not None and value.amount > line.high.amount else 0


def _is_near(line: Line) -> bool:
    ends = [one.amount for one in (line.low, line.high) if one is not None]
    value = compared_value(line)
    return value is not None and any(abs(value.amount - one) <= _NEAR * abs(one) for one in ends)


def beyond(found: dict[str, str | None]) -> Callable[[Line], bool]:
    """`Below the limit`, `slightly above its reference range`, `below the upper limit`."""
    sign = -1 if found["below"] else 1

    def check(line: Line) -> bool:
        position, value = position_of(line), compared_value(line)
        if position is None or value is None or (found["upper"] and found["lower"]):
            return False
        if found["slight"] and not _is_near(line):
            return False
        if line.limit or found["upper"] or found["lower"]:
            limit = line.high if line.high is not None and not found["lower"] else line.low
            if limit is None or (found["upper"] and line.high is None):
                return False
            if not line.limit and (sign < 0) != bool(found["lower"]):
                # `Below the upper limit` of a range may lie below all of it.
                return False
            there = (value.amount > limit.amount) - (value.amount < limit.amount)
            holds = there == sign
        else:
            holds = position == sign
        return holds is not bool(found["denied"])

    return check


def state_of(found: dict[str, str | None]) -> Callable[[Line], bool]:
    """`Reduced`, `not enlarged`, `normal`."""

    def check(line: Line) -> bool:
        position, value = position_of(line), compared_value(line)
        if position is None or value is None or (found["slight"] and not _is_near(line)):
            return False
        dimension = value.dimension
        if found["normal"] or found["normal_size"]:
            measured = dimension in _SIZES if found["normal_size"] else _is_measure(line)
            return position == 0 and measured and not found["denied"] and not found["slight"]
        of_size = found["small"] or found["large"]
        if (of_size and dimension not in _SIZES) or (found["impaired"] and dimension != "percent"):
            return False
        sign = 1 if found["high"] or found["large"] else -1
        # Where it was measured before, the change may be meant; below a limit alone is not low.
        changed = line.earlier and (found["denied"] or direction(line) != sign)
        if changed or (line.limit and sign < 0 and line.low is None):
            return False
        return position != sign if found["denied"] else position == sign

    return check


def measured_of(line: Line) -> frozenset[str]:
    """What the label says is measured."""
    entries = [lexicon().concepts.get(one) for one in line.label]
    found = {one.concept for one in entries if one is not None and one.category == "measure"}
    return frozenset(found | ({"word:index"} & line.label))


def _is_measure(line: Line) -> bool:
    """Whether the label names what is measured, so that no more than that is normal."""
    return bool(measured_of(line))
