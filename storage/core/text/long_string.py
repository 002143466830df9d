"""Text from outside as a Long String (LO, PS3.5 6.2), which many attributes of results are."""

from storage.core.text.outside_text import clean_text

_AT_MOST = 64


def long_string(text: str, at_most: int = _AT_MOST) -> str:
    """One line without controls, cut; a slash for a backslash, which would make two values.

    Encoders refuse a value with a backslash, and with it the whole result.
    """
    return clean_text(text).replace("\\", "/")[:at_most]
