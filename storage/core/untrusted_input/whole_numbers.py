"""Whole numbers as strangers write them."""

_DIGITS_MAX = 18


def read_whole_number(text: str) -> int | None:
    """The number that ASCII digits state, blanks around them allowed; None for all else.

    `str.isdigit` takes "²" and `str.strip` control characters, which `int` refuses; and `int`
    itself takes signs, underscores and the digits of every script. More than 18 digits, with
    which it would take long, are no number either.
    """
    digits = text.strip(" \t")
    if not 0 < len(digits) <= _DIGITS_MAX or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits)
