"""Segments as text: fields escaped, times as HL7 writes them, and the answer to a message."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from dicom_node.hl7.reading import Header, Refused, codec_of
from storage.core.text.outside_text import clean_text

_OURS = ("|", "^~\\&")
_ESCAPES = str.maketrans({
    "\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\n": "\\.br\\",
    "\t": " ",
})  # fmt: skip
# Those above are halves of characters in a header, which is read before its character set is known.
_CONTROLS = dict.fromkeys((*range(0x20), 0x7F))


def escaped(text: str) -> str:
    """Text as it may stand in a component (HL7 2.7).

    No control character is left: a carriage return would end the segment, and VT, or FS before
    one, the message (MLLP). None of direction either, which would turn a number round.
    """
    return clean_text(text, lines=True).translate(_ESCAPES)


def components(*parts: str) -> str:
    return "^".join(escaped(part) for part in parts).rstrip("^")


def timestamp(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S%z")


def segment(name: str, fields: Sequence[str]) -> str:
    """`fields` from the first on, escaped already; empty ones at the end are left out."""
    return "|".join([name, *fields]).rstrip("|")


def answer_to(
    header: Header, application: str, facility: str, at: datetime, refused: Refused | None = None
) -> bytes:
    """The acknowledgement in original mode (HL7 2.9.2): MSA, and ERR where it is refused."""
    code = "AA" if refused is None else refused.code
    reason = "" if refused is None else refused.reason
    segments = [
        segment(
            "MSH",
            [
                "^~\\&",
                escaped(application),
                escaped(facility),
                _safe(header, header.sending_application),
                _safe(header, header.sending_facility),
                timestamp(at),
                "",
                f"ACK^{_safe(header, header.trigger_event) or 'O01'}^ACK",
                uuid.uuid4().hex[:20].upper(),
                _safe(header, header.processing_id),
                _safe(header, header.version),
                *[""] * 5,
                _safe(header, header.character_set),
            ],
        ),
        segment("MSA", [code, _safe(header, header.control_id), escaped(reason)]),
    ]
    if refused is not None:
        place = refused.location.replace("-", "^1^")
        segments.append(
            segment(
                "ERR",
                ["", place, f"{refused.error_code}^^HL70357", "E", "", "", "", escaped(reason)],
            )
        )
    text = "\r".join(segments) + "\r"
    try:
        codec = codec_of(header.character_set) or "utf-8"
    except Refused:
        codec = "utf-8"
    return text.encode(codec, "replace")


def _safe(header: Header, value: str) -> str:
    """A value of the sender's header in our separators."""
    shown = value.translate(_CONTROLS)
    is_ours = (header.separator, header.encoding_characters) == _OURS
    return shown if is_ours else shown.translate(_ESCAPES)
