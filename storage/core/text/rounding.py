"""Rounding for people, the same on every surface: half away from zero, as the viewer does."""

import math
from decimal import ROUND_HALF_UP, Decimal

_BY_UNIT = {"L": 2, "[hnsf'U]": 0, "mm": 1}
"""By UCUM code: a tenth of a litre would hide what a breath changes; a tenth of a Hounsfield unit,
or a hundredth of a millimetre, says nothing."""

_SMALL, _DECIMALS_AT_MOST = 0.01, 12
_KEPT_DECIMALS = 3
# A diffusion coefficient of 0.0008 mm2/s would be 0.001 with three decimals.
_KEPT_SMALL_DIGITS = 4


def rounded(value: float, decimals: int) -> Decimal:
    """As the number is written: 14.35 to one decimal is 14.4, though its binary lies just below."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


# Every consumer shows or encodes this very number, so none can disagree by rounding.
def kept(value: float) -> float:
    """As findings keep it: with three decimals; what is smaller than a hundredth with four
    significant digits."""
    if 0 < abs(value) < _SMALL:
        return round(value, _KEPT_SMALL_DIGITS - 1 - math.floor(math.log10(abs(value))))
    return round(value, _KEPT_DECIMALS)


def without_exponent(value: float) -> str:
    """Ten significant digits in sign, digits and point alone."""
    return f"{Decimal(f'{value:.10g}'):f}"


def shown_decimals(value: float, ucum: str) -> int:
    """With how many decimals people read a finding's value, on every surface alike.

    Three significant digits, which tell a nodule's growth: one decimal from 10 on, three below 1,
    and as many as it takes below a hundredth.
    The viewer's `findingValue` (`viewer/shared/lib/format.ts`) is the same.
    """
    if ucum in _BY_UNIT:
        return _BY_UNIT[ucum]
    magnitude = abs(value)
    if magnitude >= 10 or not magnitude:
        return 1
    if magnitude >= _SMALL:
        return 2 if magnitude >= 1 else 3
    return min(2 - math.floor(math.log10(magnitude)), _DECIMALS_AT_MOST)
