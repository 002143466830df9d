"""A value is the same in another unit of its quantity, and nothing in that of another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.core.units import alike, converted


@pytest.mark.parametrize(
    ("value", "unit", "into", "expected"),
    [
        (1200, "mL", "L", 1.2),
        (1.1, "L", "cm3", 1100),
        (0.1, "cm", "mm", 1),
        (0.125, "1", "%", 12.5),
        (90, "deg", "rad", 1.5707963268),
        (5, "{lesions}", "{lesions}", 5),
        (5, "mm", "mm2", None),
        (5, "ML", "L", None),
        (5, "", "mm", None),
        (5, "", "", 5),
    ],
)
def test_conversions(value: float, unit: str, into: str, expected: float | None) -> None:
    found = converted(value, unit, into)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-10))


@given(st.floats(1e-6, 1e9), st.sampled_from(["mL", "mm", "cm2", "%", "s", "cm/s", "kg", "kBq/ml"]))
def test_there_and_back_is_the_same(value: float, unit: str) -> None:
    for other in alike(unit):
        there = converted(value, unit, other)
        assert there is not None
        back = converted(there, other, unit)
        assert back == pytest.approx(value, rel=1e-10)
