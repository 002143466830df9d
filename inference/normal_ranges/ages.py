"""Ages in words, as people state them."""

_IN_MONTHS_BELOW = 2.0
_DAYS_IN_YEAR = 365.25
_ROUNDING = 1e-6


def ages_in_words(low: float, high: float) -> str:
    """Ages in years as people state them: "40 to 49 years", "1 year", "0 to 6 months"."""
    if high < _IN_MONTHS_BELOW and not (float(low).is_integer() and float(high).is_integer()):
        low, high, unit = round(low * 12, 1), round(high * 12, 1), "month"
    else:
        unit = "year"
    if low == high == 0:
        return "under 1 year"
    if low != high:
        return f"{low:g} to {high:g} {unit}s"
    return f"1 {unit}" if high == 1 else f"{high:g} {unit}s"


def age_in_words(age: float) -> str:
    """Completed years, of small children months, days: as people state it."""
    if age >= _IN_MONTHS_BELOW:
        return f"{int(age)} years"
    months = int(age * 12 + _ROUNDING)
    days = int(age * _DAYS_IN_YEAR + _ROUNDING)
    if months >= 2:
        return f"{months} months"
    return "1 day" if days == 1 else f"{days} days"
