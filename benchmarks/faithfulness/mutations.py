"""How a faithful sentence is made false, by stated rules."""

import re

_NUMBER = re.compile(r"(?<![\w.,-])-?\d+(?:[.,]\d+)*(?![\w-])")
_UNIT = re.compile(r"(?<=\d)(\s?)(cm³|cm3|mL|ml|cc|L|l|litres|HU|HE|%|percent)(?![\w³])")
_OTHER_UNITS = {
    "cm³": ("mm³", "L", "mm"),
    "cm3": ("mm3", "L", "%"),
    "mL": ("L", "dL", "mm"),
    "ml": ("l", "HU", "cm"),
    "cc": ("L", "mm3", "cm2"),
    "L": ("mL", "cm³", "dL"),
    "l": ("ml", "cm3", "HU"),
    "litres": ("mL", "percent", "cc"),
    "HU": ("%", "mL", "mm"),
    "HE": ("%", "ml", "mm"),
    "%": ("HU", "mL", "cm³"),
    "percent": ("HU", "mL", "cm³"),
    "cm": ("mm", "m", "cm²"),
    "mm": ("cm", "mm²", "m"),
    "year": ("month", "week", "day"),
}
_SIDES = {
    "left": "right",
    "links": "rechts",
    "linken": "rechten",
    "linke": "rechte",
    "l": "r",
}
_BOTH_WAYS = _SIDES | {other: side for side, other in _SIDES.items()}
_SIDE = re.compile(r"\b(left|right|links|rechts|linken|rechten|linke|rechte)\b", re.IGNORECASE)


def other_number(text: str, variant: int, keep: tuple[str, ...] = ()) -> str | None:
    """One number changed: a tenth more, two digits swapped, or the point moved."""
    found = [one for one in _NUMBER.finditer(text) if one.group() not in keep]
    if not found:
        return None
    match = found[variant % len(found)]
    changed = changed_number(match.group(), variant)
    return text[: match.start()] + changed + text[match.end() :]


def changed_number(number: str, variant: int) -> str:
    """Another number of the same form."""
    digits = [at for at, piece in enumerate(number) if piece.isdigit()]
    swapped = list(number)
    if variant % 3 == 1 and len(digits) > 1 and number[digits[0]] != number[digits[1]]:
        first, second = digits[:2]
        swapped[first], swapped[second] = swapped[second], swapped[first]
        return "".join(swapped)
    if variant % 3 == 2 and len(digits) > 1:
        return number[: digits[0]] + str(1 + int(number[digits[0]]) % 9) + number[digits[0] + 1 :]
    at = digits[min(1, len(digits) - 1)]
    swapped[at] = str((int(number[at]) + 4) % 10) if len(digits) > 1 else str(int(number) + 3)
    return "".join(swapped)


def other_unit(text: str, variant: int) -> str | None:
    """One unit changed for another, of the same or of another dimension."""
    found = list(_UNIT.finditer(text))
    if not found:
        return None
    match = found[variant % len(found)]
    others = _OTHER_UNITS[match.group(2)]
    return text[: match.start()] + match.group(1) + others[variant % 3] + text[match.end() :]


def replaced_unit(unit: str, variant: int) -> str:
    return _OTHER_UNITS[unit][variant % 3]


def other_side(text: str) -> str | None:
    """Every left made right, and every right left."""
    if not _SIDE.search(text):
        return None
    return _SIDE.sub(lambda match: replaced_side(match.group()), text)


def replaced_side(side: str) -> str:
    other = _BOTH_WAYS[side.casefold()]
    return other[0].upper() + other[1:] if side[0].isupper() else other
