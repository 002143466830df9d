"""Padding of values: the one place that takes it off (PS3.5 6.2).

Values have an even length. The standard pads text with a blank and UIDs with one NUL, always
at the end; real senders pad text with NUL, with several of either, and each value of a list.
"""

import re

_PAD = "\0 "
_LEADING_BLANKS_COUNT = frozenset({"LT", "ST", "UC", "UR", "UT"})
ONE_VALUE_VRS = frozenset({"LT", "ST", "UR", "UT"})
"""In which a backslash is a character like others (PS3.5 6.4)."""
_ASCII_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"})
_TEXT_VRS = frozenset({"LO", "PN", "SH", "UC"})
STRING_VRS = _ASCII_VRS | _TEXT_VRS | ONE_VALUE_VRS
_BEFORE_BACKSLASH = re.compile(rb" +(?=\\)")


def unpadded(text: str, vr: str = "CS") -> str:
    """The value without what pads it; each of several values by itself.

    Long text keeps its leading blanks, which count. NUL means nothing in any text and goes
    wherever it stands.
    """
    text = text.rstrip(_PAD)
    if "\0" in text:
        text = text.replace("\0", "")
    if vr in ONE_VALUE_VRS:
        return text
    if "\\" not in text:
        return text if vr in _LEADING_BLANKS_COUNT else text.lstrip(" ")
    if vr in _LEADING_BLANKS_COUNT:
        return "\\".join(value.rstrip(_PAD) for value in text.split("\\"))
    return "\\".join(value.strip(_PAD) for value in text.split("\\"))


def unpadded_ascii(value: bytes, vr: str = "CS") -> str:
    """The same of a raw value whose VR allows ASCII alone; other bytes become U+FFFD."""
    return unpadded(value.decode("ascii", "replace"), vr)


def unpadded_bytes(value: bytes, vr: str) -> bytes:
    """The same of a raw value in any character set; a value that needs nothing is returned.

    In some sets the second byte of a character is that of a backslash, so that of text with
    several values leading blanks go from the first alone: a blank is never such a byte, and
    one before a backslash makes that one a separator.
    """
    if b"\0" in value:
        value = value.replace(b"\0", b"")
    value = value.rstrip(b" ")
    if vr in ONE_VALUE_VRS:
        return value
    if vr in _ASCII_VRS:
        if b" " not in value:
            return value
        return b"\\".join(part.strip(b" ") for part in value.split(b"\\"))
    if b" \\" in value:
        value = _BEFORE_BACKSLASH.sub(b"", value)
    return value if vr in _LEADING_BLANKS_COUNT else value.lstrip(b" ")
