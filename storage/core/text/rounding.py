"""Rounding for people: half away from zero, as the viewer does."""

from decimal import ROUND_HALF_UP, Decimal


def rounded(value: float, decimals: int) -> Decimal:
    """As the number is written: 14.35 to one decimal is 14.4, though its binary lies just below."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
