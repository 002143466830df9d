"""Rounding for people, the same on every surface: half away from zero, as the viewer does."""

import math
from decimal import ROUND_HALF_UP, Decimal

_BY_UNIT = {"L": 2, "[hnsf'U]": 0, "mm": 1}
"""By UCUM code: a tenth of a litre would hide what a breath changes; a tenth of a Hounsfield unit,
or a hundredth of a millimetre, says nothing."""

_SMALL, _DECIMALS_AT_MOST = 0.01, 12


def rounded(value: float, decimals: int) -> Decimal:
    """As the number is written: 14.35 to one decimal is 14.4, though its binary lies just below."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


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
