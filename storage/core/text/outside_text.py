"""Text from anywhere but the API's own JSON: names of files, programs' output, answers.

It is made valid, free of control characters, and short before it enters a sentence, a note or a
report: half of a surrogate pair, which JSON and file names can bring, has no bytes in UTF-8, and
whatever carries it can be neither stored nor answered.
"""

import os
import re
from pathlib import PurePath

_CUT = "…"
_REASON_AT_MOST = 2000
"""Every list of studies and of jobs has the reasons of its jobs."""
# Characters of control (C0, DEL, C1) and of direction (UAX 9, Bidi_Control), and what XML lacks.
_CONTROLS = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff"
_BREAKS = re.compile("\r\n?|[\n\x0b\x0c\x85\u2028\u2029]")
_UNWANTED = re.compile(f"[{_CONTROLS}]")
_UNWANTED_IN_LINES = re.compile(f"[{_CONTROLS}](?<![\n\t])")
_LONE_HALF = re.compile("[\ud800-\udfff]")


def valid_unicode(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair; both halves become their character.

    Text that is valid is returned as it is.
    """
    if text.isascii() or _LONE_HALF.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def clean_text(text: str, *, lines: bool = False) -> str:
    """`text_from_outside` of any length, for what is written into documents and messages."""
    if text.isprintable():
        return text
    found = valid_unicode(text)
    if lines:
        return _UNWANTED_IN_LINES.sub("", _BREAKS.sub("\n", found))
    return _UNWANTED.sub("", _BREAKS.sub(" ", found).replace("\t", " "))


def written_text(text: str, *, lines: bool = False) -> str:
    """The same; a question mark where nothing would be left of what is there."""
    found = clean_text(text, lines=lines)
    return "?" if text and not found else found


def text_from_outside(text: str, at_most: int, *, lines: bool = False) -> str:
    """What may stand in a sentence: valid, without controls, of `at_most` characters.

    Characters of control and of direction go; line feeds and tabs stay with `lines`, and are
    blanks without. What is longer is cut, and ends in "…".
    """
    if len(text) <= at_most and text.isprintable():
        return text
    # What is cleaned away does not count, and is not looked at without end either.
    found = clean_text(text[: 4 * at_most + 1], lines=lines)
    if len(found) > at_most or len(text) > 4 * at_most + 1:
        return f"{found[: at_most - 1]}{_CUT}"
    return found


def stored_reason(reason: str) -> str:
    """Why work failed, as the index keeps it: valid, without controls but line feeds, short."""
    return text_from_outside(reason, _REASON_AT_MOST, lines=True)


def shown_file_name(name: str | PurePath, at_most: int = 80) -> str:
    """A name or path of a file for sentences: `a.\\xff` for a byte that is not UTF-8, `\\n` for a
    line feed, so that people find the file by it; cut as `text_from_outside` does."""
    text = os.fspath(name)
    if not text.isprintable():
        text = "".join(map(_shown, text[: at_most + 1]))
    return text_from_outside(text, at_most)


def _shown(one: str) -> str:
    if one.isprintable():
        return one
    # Python names a byte that is not UTF-8 by half a pair (PEP 383).
    is_byte = "\udc80" <= one <= "\udcff"
    return f"\\x{ord(one) - 0xDC00:02x}" if is_byte else one.encode("unicode_escape").decode()
