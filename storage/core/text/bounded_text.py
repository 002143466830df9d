"""Text from outside that an index of the database is made over, cut to what it takes.

PostgreSQL's B-tree takes entries of 2,704 bytes, SQLite's any: both databases get the same.
"""

import hashlib

from storage.core.text.text_folding import folded_name

INDEXED_MAX_BYTES = 1024
"""Of one text, in UTF-8. Two of them in one index are still taken."""
MOST_BYTES_OF_ONE = 3
"""A byte in any DICOM character set becomes at most so many in UTF-8."""


def is_too_long(text: str) -> bool:
    # Counting characters is quicker, and most text is short.
    return len(text) * 4 > INDEXED_MAX_BYTES and len(text.encode("utf-8", "replace")) > (
        INDEXED_MAX_BYTES
    )


def cut(text: str) -> str:
    """The beginning of text that describes, without a torn character at its end."""
    if not is_too_long(text):
        return text
    return text.encode("utf-8", "replace")[:INDEXED_MAX_BYTES].decode("utf-8", "ignore")


def cut_identity(text: str) -> str:
    """The beginning of text that identifies, with its digest: two that differ still do."""
    if not is_too_long(text):
        return text
    encoded = text.encode("utf-8", "replace")
    digest = hashlib.sha256(encoded).hexdigest()
    return f"{encoded[:_KEPT_BYTES].decode('utf-8', 'ignore')}…{digest}"


_KEPT_BYTES = INDEXED_MAX_BYTES - 64 - len("…".encode())


def indexed_name(name: str) -> str:
    """A person name folded; a letter may become many, so that it is cut afterwards, too."""
    return cut(folded_name(cut(name)))
