"""A message as it came over the wire: its character set, its header, its fields."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import pairwise

import hl7

from dicom_node.hl7.escapes import unescaped

# HL7 table 0211.
_CODECS: Mapping[str, str] = {
    "": "",
    "ASCII": "ascii",
    "8859/1": "iso-8859-1",
    "8859/2": "iso-8859-2",
    "8859/3": "iso-8859-3",
    "8859/4": "iso-8859-4",
    "8859/5": "iso-8859-5",
    "8859/6": "iso-8859-6",
    "8859/7": "iso-8859-7",
    "8859/8": "iso-8859-8",
    "8859/9": "iso-8859-9",
    "8859/15": "iso-8859-15",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc-kr",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
}
# Each becomes an object of some hundred bytes; an order has some hundred.
MAX_SEPARATORS = 20_000
# As much text as a field may have by HL7 (2.5.1, 2.A.78); the longest that is used has 10,240.
MOST_FIELD_CHARACTERS = 65_536


class Refused(Exception):
    """Why a message is not taken: AE where another content would be, AR where its kind is not.

    `error_code` is one of HL7 table 0357; `location` names segment and field, MSH where it is the
    whole message. What the message says of a patient is not repeated.
    """

    def __init__(self, code: str, error_code: str, reason: str, location: str = "MSH") -> None:
        super().__init__(reason)
        self.code = code
        self.error_code = error_code
        self.reason = reason
        self.location = location


@dataclass(frozen=True)
class Header:
    """Of MSH, read before the message is understood, so that any can be answered."""

    separator: str = "|"
    encoding_characters: str = "^~\\&"
    sending_application: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    message_type: str = ""
    trigger_event: str = ""
    control_id: str = ""
    processing_id: str = "P"
    version: str = "2.5.1"
    character_set: str = ""


# What names sender and message (HL7 2.8, 2.14.9): both databases keep an index of them.
_MOST_CHARACTERS = {3: 227, 4: 227, 5: 227, 6: 227, 10: 199}


def read_header(message: bytes) -> Header:
    """Raises Refused where it is no HL7 v2 message."""
    first = re.split(rb"[\r\n]", message.lstrip(b"\r\n"), maxsplit=1)[0].decode("iso-8859-1")
    if not first.startswith("MSH") or len(first) < 9:
        raise Refused("AR", "100", "The message does not begin with MSH.", "MSH")
    fields = first.split(first[3])

    def field(number: int) -> str:
        return fields[number - 1].strip() if len(fields) >= number else ""

    for number, most in _MOST_CHARACTERS.items():
        if len(field(number)) > most:
            place = f"MSH-{number}"
            raise Refused("AR", "102", f"{place} has more than {most} characters.", place)
    component = field(2)[:1] or "^"
    kind = field(9).split(component)
    return Header(
        separator=first[3],
        encoding_characters=field(2) or "^~\\&",
        sending_application=field(3),
        sending_facility=field(4),
        receiving_application=field(5),
        receiving_facility=field(6),
        message_type=kind[0],
        trigger_event=kind[1] if len(kind) > 1 else "",
        control_id=field(10),
        processing_id=field(11).split(component)[0] or "P",
        version=field(12).split(component)[0] or "2.5.1",
        character_set=field(18).split((field(2) + "~~")[1])[0],
    )


def codec_of(character_set: str) -> str:
    """The codec of a name of table 0211. Raises Refused for one that is not known."""
    name = character_set.strip().upper()
    if name not in _CODECS:
        raise Refused("AR", "103", "The character set is not known here.", "MSH-18")
    return _CODECS[name]


class Message:
    """The fields of a message, unescaped. An absent field is the empty text."""

    def __init__(self, header: Header, raw: bytes) -> None:
        """Raises Refused where the bytes are not of the stated character set."""
        self.header = header
        self._codec = codec_of(header.character_set)
        try:
            text = _decoded(raw, self._codec)
        except UnicodeDecodeError as error:
            raise Refused(
                "AE", "102", "The bytes are not of the character set that MSH-18 names.", "MSH-18"
            ) from error
        _check_separators(text, header)
        self._lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]
        if any(line.startswith(f"MSH{header.separator}") for line in self._lines[1:]):
            # Its acknowledgement would name the first alone (HL7 2.9.2: one for each message).
            raise Refused("AR", "100", "Another message begins within the message.", "MSH")
        try:
            self._use(hl7.parse("\r".join(self._lines) + "\r"))
        except Exception as error:
            raise Refused("AR", "100", "The message cannot be read.", "MSH") from error

    def _use(self, segments: hl7.Message) -> None:
        self._segments = segments
        self._read: dict[tuple[str, int, int, int], str] = {}
        # Fields are asked for by the segment's name, often: of each the first, as a message of
        # its own, in which they are found at once.
        self._first: dict[str, hl7.Message] = {}
        for one in segments:
            name = str(one[0])
            if name not in self._first:
                self._first[name] = segments.create_message([one])

    @property
    def content(self) -> str:
        """All but the header, whose time is another one when a message is sent again."""
        return "\r".join(self._lines[1:])

    def groups(self, segment: str) -> Iterator["Message"]:
        """Each such segment with what follows up to the next one; what precedes the first of them
        is in none of the groups."""
        starts = [at for at, one in enumerate(self._segments) if str(one[0]) == segment]
        for start, end in pairwise([*starts, len(self._segments)]):
            group = copy(self)
            group._use(self._segments[start:end])
            yield group

    def parts(self, segment: str) -> list["Message"]:
        """As `groups`, each with what precedes the first of them; all of it where there is none."""
        first = next((at for at, one in enumerate(self._segments) if str(one[0]) == segment), None)
        if first is None or self.count(segment) == 1:
            return [self]
        parts = list(self.groups(segment))
        for part in parts:
            segments = [*self._segments[:first], *part._segments]
            part._use(self._segments.create_message(segments))
        return parts

    def count(self, segment: str) -> int:
        return sum(str(one[0]) == segment for one in self._segments)

    def has(self, segment: str) -> bool:
        return segment in self._first

    def repetitions(self, name: str) -> int:
        segment, number = name.split("-")
        try:
            return len(self._first[segment].segment(segment)(int(number)))
        except (IndexError, KeyError):
            return 0

    def field(
        self, name: str, component: int = 1, subcomponent: int = 1, repetition: int = 1
    ) -> str:
        """A component, by default of the first repetition: `field("PID-5", 2)` is a given name.

        Raises Refused for one that is longer than any, before its escape sequences are read.
        """
        place = (name, component, subcomponent, repetition)
        if place not in self._read:
            self._read[place] = self._unescaped(*place)
        return self._read[place]

    def _unescaped(self, name: str, component: int, subcomponent: int, repetition: int) -> str:
        segment, number = name.split("-")
        try:
            value = _leaf(
                self._first[segment].segment(segment)(int(number)),
                (repetition, component, subcomponent),
            )
        except (IndexError, KeyError):
            return ""
        if len(value) > MOST_FIELD_CHARACTERS:
            reason = f"{name} has more than {MOST_FIELD_CHARACTERS} characters."
            raise Refused("AE", "102", reason, name)
        if segment != "MSH" or number not in ("1", "2"):
            value = unescaped(
                value, self.header.separator, self.header.encoding_characters, self._codec
            )
        text = re.sub(r"\r\n?", "\n", value)
        # An explicit null deletes a value (HL7 2.5.3.5).
        return "" if text == '""' else text.strip()


def _leaf(value: hl7.Container | str, numbers: Sequence[int]) -> str:
    """What stands at repetition, component and subcomponent, by numbers from 1.

    A part that is not divided further is its own first part. Raises IndexError.
    """
    for number in numbers:
        if isinstance(value, str):
            if number != 1:
                raise IndexError(number)
        else:
            value = value[number - 1]
    return str(value or "")


def _check_separators(text: str, header: Header) -> None:
    """Raises Refused for a message of separators: its size says nothing of what it costs."""
    marks = {header.separator, *header.encoding_characters, "\r", "\n"}
    count = sum(map(text.count, marks))
    if count > MAX_SEPARATORS:
        raise Refused("AR", "102", f"The message has more than {MAX_SEPARATORS} fields.", "MSH")


def _decoded(raw: bytes, codec: str) -> str:
    if codec:
        return raw.decode(codec)
    # Nothing is stated: ASCII by the standard; what senders mean is UTF-8 or Latin-1.
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("iso-8859-1")
