"""Decode DICOM text by its Specific Character Set (PS3.5 6.1)."""

from functools import lru_cache

from storage.core.padding import unpadded

_FALLBACK = "iso8859"


@lru_cache(maxsize=256)
def _encodings(character_set: str) -> tuple[str, ...]:
    """Python codecs for a Specific Character Set value; unknown terms fall back to Latin-1."""
    from pydicom.charset import python_encoding

    terms = [term.strip() for term in character_set.split("\\")] or [""]
    codecs = [python_encoding.get(term, _FALLBACK) for term in terms]
    if len(codecs) > 1 and not terms[0]:
        # A first value left empty stands for the default repertoire (PS3.3 C.12.1.1.2).
        codecs[0] = python_encoding["ISO 2022 IR 6"]
    return tuple(codecs)


def decode_text(value: bytes, character_set: str, *, is_name: bool = False, vr: str = "LO") -> str:
    """Decode one text value; what cannot be decoded becomes U+FFFD, NUL and padding go.

    NUL inside text is dropped since PostgreSQL cannot hold it.
    """
    if value.isascii() and b"\x1b" not in value and "IR 13" not in character_set:
        text = value.decode("ascii")
    else:
        # Here, for the reason in `storage/dicom/part10.py`.
        from pydicom.charset import decode_bytes
        from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

        delimiters = PN_DELIMS if is_name else TEXT_VR_DELIMS
        try:
            text = decode_bytes(value, _encodings(character_set), delimiters)
        except (UnicodeError, LookupError):
            text = value.decode(_encodings(character_set)[0], "replace")
    text = unpadded(text, vr).strip()
    return text.rstrip("=") if is_name else text
