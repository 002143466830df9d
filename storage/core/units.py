"""Values in other units of the same quantity, by UCUM codes (PS3.16 CID 82 and others).

Only what measurements of images are stated in. A code that is not here converts to itself alone.
"""

import math

_QUANTITIES: tuple[dict[str, float], ...] = (
    # In cubic millimetres.
    {
        "mm3": 1.0, "uL": 1.0, "ul": 1.0, "cm3": 1e3, "mL": 1e3, "ml": 1e3, "cL": 1e4, "cl": 1e4,
        "dL": 1e5, "dl": 1e5, "dm3": 1e6, "L": 1e6, "l": 1e6, "m3": 1e9,
    },
    # In millimetres.
    {"nm": 1e-6, "um": 1e-3, "mm": 1.0, "cm": 10.0, "dm": 100.0, "m": 1e3},
    # In square millimetres.
    {"um2": 1e-6, "mm2": 1.0, "cm2": 100.0, "dm2": 1e4, "m2": 1e6},
    {"%": 0.01, "1": 1.0, "[ppth]": 1e-3},
    {"deg": 1.0, "rad": 180 / math.pi},
    # In milliseconds.
    {"us": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6},
    # In millimetres a second.
    {"mm/s": 1.0, "cm/s": 10.0, "m/s": 1e3},
    # In grams.
    {"ug": 1e-6, "mg": 1e-3, "g": 1.0, "kg": 1e3},
    # In becquerels a millilitre.
    {"Bq/mL": 1.0, "Bq/ml": 1.0, "kBq/mL": 1e3, "kBq/ml": 1e3, "MBq/mL": 1e6, "MBq/ml": 1e6},
)  # fmt: skip
_DIGITS = 12
"""More than anybody states; a factor must not add any."""


def converted(value: float, unit: str, into: str) -> float | None:
    """The same in another unit; None where both are of different quantities, or one is unknown."""
    if unit == into:
        return value
    for factors in _QUANTITIES:
        if unit in factors and into in factors:
            return float(f"{value * factors[unit] / factors[into]:.{_DIGITS}g}")
    return None


def alike(unit: str) -> tuple[str, ...]:
    """Codes that a value in this unit may be stated in, the unit itself first."""
    for factors in _QUANTITIES:
        if unit in factors:
            return unit, *(one for one in factors if one != unit)
    return (unit,)


def is_never_negative(unit: str) -> bool:
    """Whether it is of sizes, shares, times or masses, of which there is nothing below zero."""
    return any(
        unit in factors and "deg" not in factors for factors in _QUANTITIES if "m/s" not in factors
    )
