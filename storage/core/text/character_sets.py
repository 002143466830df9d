"""Decode DICOM text by its Specific Character Set (PS3.5 6.1)."""

from storage.core.text.code_extensions import decode_extended, whole_codec
from storage.core.text.padding import ONE_VALUE_VRS, unpadded


def decode_text(value: bytes, character_set: str, *, is_name: bool = False, vr: str = "LO") -> str:
    """Decode one text value; what cannot be decoded becomes U+FFFD, NUL and padding go.

    NUL inside text is dropped since PostgreSQL cannot hold it.
    """
    text = unpadded(decode_value(value, character_set, "PN" if is_name else vr), vr).strip()
    return text.rstrip("=") if is_name else text


def decode_value(value: bytes, character_set: str, vr: str) -> str:
    """A value of the VR with its padding; those of a list stay separated by backslashes."""
    if value.isascii() and b"\x1b" not in value and "IR 13" not in character_set:
        return value.decode("ascii")
    codec = whole_codec(character_set)
    if codec:
        return value.decode(codec, "replace")
    return decode_extended(
        value, character_set, is_name=vr == "PN", is_one_value=vr in ONE_VALUE_VRS
    )
