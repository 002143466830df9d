"""Decode text with code extensions (ISO/IEC 2022 as PS3.5 6.1.2.5 and PS3.3 C.12.1.1.2 use it).

Two sets are active at a time: G0 for bytes below 0x80, G1 for those above. The first value of
Specific Character Set says which at the start; an escape sequence replaces one of them until a
control character, the end of a line or of a value, or a delimiter of a name sets both back.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_ESCAPE = 0x1B
_Decoder = Callable[[bytes], str]


@dataclass(frozen=True)
class _Set:
    """A coded character set; `width` bytes make a character."""

    width: int
    decode: _Decoder


@dataclass(frozen=True)
class _State:
    g0: _Set
    g1: _Set


def _by_codec(codec: str) -> _Decoder:
    return lambda value: value.decode(codec, "replace")


def _romaji(value: bytes) -> str:
    """ISO-IR 14, but for the byte of the yen sign, which separates values elsewhere."""
    return value.decode("ascii", "replace").replace("~", "‾")


def _jis_x_0208(value: bytes) -> str:
    return bytes(byte | 0x80 for byte in value).decode("euc_jp", "replace")


def _jis_x_0212(value: bytes) -> str:
    pairs = (value[at : at + 2] for at in range(0, len(value), 2))
    packed = b"".join(b"\x8f" + bytes(byte | 0x80 for byte in pair) for pair in pairs)
    return packed.decode("euc_jp", "replace")


_ASCII = _Set(1, _by_codec("ascii"))
_ROMAJI = _Set(1, _romaji)
_JIS_X_0208 = _Set(2, _jis_x_0208)
_JIS_X_0212 = _Set(2, _jis_x_0212)
# Half-width katakana are single bytes of Shift JIS.
_KATAKANA = _Set(1, _by_codec("shift_jis"))
_KS_X_1001 = _Set(2, _by_codec("euc_kr"))
_GB_2312 = _Set(2, _by_codec("gb2312"))

# ISO registration number to codec and the last byte of the escape sequence (PS3.3 Table C.12-3).
_SINGLE_BYTE: Mapping[int, tuple[str, bytes]] = {
    100: ("iso8859_1", b"A"),
    101: ("iso8859_2", b"B"),
    109: ("iso8859_3", b"C"),
    110: ("iso8859_4", b"D"),
    126: ("iso8859_7", b"F"),
    127: ("iso8859_6", b"G"),
    138: ("iso8859_8", b"H"),
    144: ("iso8859_5", b"L"),
    148: ("iso8859_9", b"M"),
    166: ("tis_620", b"T"),
    203: ("iso8859_15", b"b"),
}
_G1_OF_TERM: Mapping[int, _Set] = {
    6: _Set(1, _by_codec("iso8859_1")),
    13: _KATAKANA,
    58: _GB_2312,
    149: _KS_X_1001,
    **{number: _Set(1, _by_codec(codec)) for number, (codec, _) in _SINGLE_BYTE.items()},
}
_G0_ESCAPES: Mapping[bytes, _Set] = {
    b"(B": _ASCII,
    b"(J": _ROMAJI,
    b"$B": _JIS_X_0208,
    # JIS C 6226 of 1978, which older systems invoke for the same characters.
    b"$@": _JIS_X_0208,
    b"$(D": _JIS_X_0212,
}
_G1_ESCAPES: Mapping[bytes, _Set] = {
    b")I": _KATAKANA,
    b"$)C": _KS_X_1001,
    b"$)A": _GB_2312,
    **{b"-" + last: _G1_OF_TERM[number] for number, (_, last) in _SINGLE_BYTE.items()},
}
# The sets that allow no code extension (PS3.3 Table C.12-5).
_WHOLE: Mapping[str, str] = {
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    # What senders write who mean these.
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "ISO 2022 GBK": "gbk",
    "ISO 2022 58": "gb2312",
    "GB2312": "gb2312",
}
_TERM = re.compile(r"ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?(\d+)")
_PART = re.compile(
    rb"(?P<escape>\x1b(?:\$[()][A-Za-z]|\$[@AB]|[()\-][A-Za-z]))"
    rb"|(?P<control>[\x00-\x1a\x1c-\x1f])|(?P<low>[\x20-\x7f]+)|(?P<high>[\x80-\xff]+)"
)
_NAME_DELIMITERS = re.compile(rb"[\\^=]")
_VALUE_DELIMITER = re.compile(rb"\\")
_NO_DELIMITER = re.compile(rb"(?!)")


def has_code_extensions(character_set: str) -> bool:
    """Whether text in the set may switch to another by escape sequences."""
    return "\\" in character_set or "2022" in character_set


def whole_codec(character_set: str) -> str:
    """The codec of a set that allows no code extension, or "" for all others."""
    return _WHOLE.get(character_set.partition("\\")[0].strip().upper(), "")


def decode_extended(
    value: bytes, character_set: str, *, is_name: bool = False, is_one_value: bool = False
) -> str:
    """The text of a value in `character_set`, whose values stand as in the element.

    `is_name`: ^ and = return to the first set, too. `is_one_value`: a backslash is a character
    like others. Escape sequences count whether or not the element names their set, since their
    meaning is registered once for all. What is no character of its set becomes U+FFFD.
    """
    start = _initial(character_set)
    delimiters = (
        _NAME_DELIMITERS if is_name else _NO_DELIMITER if is_one_value else _VALUE_DELIMITER
    )
    state, text, at = start, [], 0
    while at < len(value):
        part = _PART.match(value, at)
        if part is None:
            at += 1  # an escape byte without a sequence that is known
            continue
        at = part.end()
        found = part.group()
        if part.lastgroup == "escape":
            state = _switched(state, found[1:])
        elif part.lastgroup == "control":
            text.append(found.decode("ascii"))
            state = start
        elif part.lastgroup == "high":
            text.append(state.g1.decode(found))
        elif state.g0.width == 1:
            delimiter = delimiters.search(found)
            if delimiter is not None:
                found = found[: delimiter.end()]
                at = part.start() + delimiter.end()
            read = state.g0.decode(found)
            is_yen = is_one_value and state.g0 is _ROMAJI
            text.append(read.replace("\\", "¥") if is_yen else read)
            state = start if delimiter is not None else state
        else:
            length, piece = _pairs(state.g0, found)
            at = part.start() + length
            text.append(piece)
            if length == 1 and delimiters.search(found[:1]):
                state = start
    return "".join(text)


def _pairs(characters: _Set, value: bytes) -> tuple[int, str]:
    """As much of a run below 0x80 as is of two-byte characters, or else its first byte.

    A blank or a byte without a second one is no such character: the sender left out the
    sequence that returns to ASCII. Returns the number of bytes, and their text.
    """
    blank = value.find(b" ")
    run = value if blank < 0 else value[:blank]
    length = len(run) - len(run) % 2
    if not length:
        return 1, value[:1].decode("ascii")
    return length, characters.decode(run[:length])


def _switched(state: _State, sequence: bytes) -> _State:
    g0, g1 = _G0_ESCAPES.get(sequence), _G1_ESCAPES.get(sequence)
    return _State(g0 or state.g0, g1 or state.g1)


def _initial(character_set: str) -> _State:
    term = character_set.partition("\\")[0].strip().upper()
    named = _TERM.fullmatch(term)
    number = int(named.group(1)) if named else 6
    return _State(_ROMAJI if number == 13 else _ASCII, _G1_OF_TERM.get(number, _G1_OF_TERM[6]))
