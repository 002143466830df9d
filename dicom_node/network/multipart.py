"""Take an answer of several parts apart as it arrives (RFC 2046 5.1, RFC 2387)."""

from collections.abc import Callable, Iterable
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser


class NotMultipart(Exception):
    """What it is instead, or that it cannot be taken apart."""


def read_parts(
    content_type: str,
    pieces: Iterable[bytes],
    *,
    begin: Callable[[], None],
    write: Callable[[bytes], None],
    finish: Callable[[], None],
) -> None:
    """Give each part to the three functions. Raises NotMultipart, and what they raise."""
    has_ended = False

    def end() -> None:
        nonlocal has_ended
        has_ended = True

    boundary = _boundary(content_type)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": begin,
                "on_part_data": lambda data, start, end: write(data[start:end]),
                "on_part_end": finish,
                "on_end": end,
            },
        )
        for piece in pieces:
            parser.write(piece)
        parser.finalize()
    except FormParserError as error:
        raise NotMultipart("something that cannot be taken apart") from error
    if not has_ended:
        raise NotMultipart("something that breaks off before its last boundary")


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if message.get_content_maintype() != "multipart" or not isinstance(boundary, str):
        raise NotMultipart("something else than multipart/related")
    return boundary.encode("latin-1", "replace")
