"""Padding of values: the one place that takes it off (PS3.5 6.2).

Values have an even length. The standard pads text with a blank and UIDs with one NUL, always
at the end; real senders pad text with NUL, with several of either, and each value of a list.
"""

_PAD = "\0 "
_LEADING_BLANKS_COUNT = frozenset({"LT", "ST", "UC", "UR", "UT"})
_ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})
"""In which a backslash is a character like others (PS3.5 6.4)."""


def unpadded(text: str, vr: str = "CS") -> str:
    """The value without what pads it; each of several values by itself.

    Long text keeps its leading blanks, which count. NUL means nothing in any text and goes
    wherever it stands.
    """
    text = text.rstrip(_PAD)
    if "\0" in text:
        text = text.replace("\0", "")
    if vr in _ONE_VALUE:
        return text
    if "\\" not in text:
        return text if vr in _LEADING_BLANKS_COUNT else text.lstrip(" ")
    if vr in _LEADING_BLANKS_COUNT:
        return "\\".join(value.rstrip(_PAD) for value in text.split("\\"))
    return "\\".join(value.strip(_PAD) for value in text.split("\\"))


def unpadded_ascii(value: bytes, vr: str = "CS") -> str:
    """The same of a raw value whose VR allows ASCII alone; other bytes become U+FFFD."""
    return unpadded(value.decode("ascii", "replace"), vr)
