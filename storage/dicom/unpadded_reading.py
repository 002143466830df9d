"""Have pydicom read values without their padding (`storage.core.text.padding`) and in their
character sets (`storage.core.text.character_sets`), wherever it reads one.

By itself it leaves blanks in front, NUL after AE and UR, and either inside lists, so that an
image in "MONOCHROME2 " is none that it knows; it leaves the escape sequences of ISO 2022 IR 58
in the text, splits names of ISO 2022 IR 87 within a character, knows no ISO_IR 203, and goes
through any number of character sets.
Importing this is enough, once a process.
"""

from typing import Any

from pydicom import charset, dataset, filereader, hooks

from storage.core.text.character_sets import decode_value
from storage.core.text.padding import STRING_VRS, unpadded_bytes
from storage.dicom.undecoded import decode_sequence
from storage.dicom.unknown_vr import in_its_byte_order

_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_UTF8 = "utf_8"

charset.python_encoding.update({"ISO_IR 203": "iso8859_15", "ISO 2022 IR 203": "iso8859_15"})
_MOST_CHARACTER_SETS = 32
_TERMS = {codec: term for term, codec in reversed(charset.python_encoding.items())}


def read_unpadded(raw: Any, data: dict[str, Any], **more: Any) -> None:
    """As `pydicom.hooks.raw_element_value`, whose place it takes."""
    vr = data["VR"]
    raw = in_its_byte_order(raw)
    if isinstance(raw.value, bytes) and vr in STRING_VRS:
        value = unpadded_bytes(raw.value, vr)
        if vr in _TEXT_VRS and not (value.isascii() and b"\x1b" not in value):
            value = decode_value(value, _character_set(more.get("encoding")), vr).encode()
            more["encoding"] = [_UTF8]
        if value != raw.value:
            raw = raw._replace(value=value, length=len(value))
    if vr == "SQ":
        data["value"] = decode_sequence(raw, data, **more)
    else:
        hooks.raw_element_value(raw, data, **more)


def _character_set(codecs: Any) -> str:
    """The defined term of the first of pydicom's codecs: escape sequences name the others."""
    first = codecs if isinstance(codecs, str) else next(iter(codecs or ()), "")
    return _TERMS.get(first, first)


def _codecs_of_few(terms: Any) -> Any:
    """As `pydicom.charset.convert_encodings`, which takes 80 µs for each name that it does not
    know, while it reads."""
    if terms is not None and not isinstance(terms, str) and len(terms) > _MOST_CHARACTER_SETS:
        raise ValueError(f"Specific Character Set has {len(terms)} values.")
    return charset.convert_encodings(terms)


for module in (filereader, dataset):
    vars(module)["convert_encodings"] = _codecs_of_few
hooks.hooks.register_callback("raw_element_value", read_unpadded)
