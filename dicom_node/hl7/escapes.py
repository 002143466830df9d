"""Escape sequences within fields (HL7 2.8, 2.7): read as the characters that are meant."""

import re
from functools import lru_cache

_SEQUENCES = "EFRST"
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_FORMATTING = re.compile(r"\.(br|sp|ce|fi|nf|in|ti|sk)([+-]?\d+)?", re.IGNORECASE)
_LINES = frozenset({"br", "sp", "ce"})
_MOST_REPEATED = 100
"""A message of some bytes must not become gigabytes."""


def unescaped(text: str, separator: str, encoding_characters: str, codec: str) -> str:
    """`text` of a message with these separators; its hexadecimal data are in its character set.

    What is no sequence of the standard stays as it is written: a name or an identifier is not cut
    short where a sender has escaped nothing. What a site defined itself (`Z`) is left out.
    """
    escape = encoding_characters[2:3]
    if not escape or escape not in text:
        return text
    text = _joined(text, escape)
    component, repetition = encoding_characters[:1], encoding_characters[1:2]
    subcomponent = encoding_characters[3:4]
    meant = (escape, separator, repetition, component, subcomponent)
    marks = dict(zip(_SEQUENCES, meant, strict=True))
    found: list[str] = []
    pieces = text.split(escape)
    at = 0
    while at < len(pieces):
        found.append(pieces[at])
        if at + 2 >= len(pieces):
            # An escape character without a second one.
            found += [escape + one for one in pieces[at + 1 :]]
            break
        name = pieces[at + 1]
        character = marks[name] if name in marks else _formatted(name, codec)
        if character is None:
            # The second one may begin a sequence.
            found.append(escape)
            at += 1
            continue
        found.append(character)
        at += 2
    return "".join(found)


def _joined(text: str, escape: str) -> str:
    """Bytes of one character may be sequences of their own."""
    return _runs(escape).sub(lambda run: run[0].replace(f"{escape}{escape}X", ""), text)


@lru_cache(maxsize=16)
def _runs(escape: str) -> re.Pattern[str]:
    """Two and more sequences of bytes behind one another."""
    mark = re.escape(escape)
    one = rf"{mark}X(?:[0-9A-Fa-f]{{2}})+{mark}"
    return re.compile(rf"{one}(?:{one})+")


def _formatted(name: str, codec: str) -> str | None:
    """None: the standard has no such sequence."""
    if name in ("H", "N"):
        return ""
    if name[:1] == "X" and _HEX.fullmatch(name[1:]):
        return _of_bytes(bytes.fromhex(name[1:]), codec)
    if name[:1] == "Z" and name[1:].isalnum():
        return ""
    formatting = _FORMATTING.fullmatch(name)
    if formatting is None:
        return None
    kind, stated = formatting[1].lower(), formatting[2]
    count = min(abs(int(stated)), _MOST_REPEATED) if stated and len(stated) <= 4 else 1
    if kind in _LINES:
        return "\n" * max(count, 1)
    return " " * count if kind == "sk" else ""


def _of_bytes(data: bytes, codec: str) -> str:
    for one in (codec or "utf-8", "iso-8859-1"):
        try:
            return data.decode(one)
        except UnicodeDecodeError:
            continue
    return ""
