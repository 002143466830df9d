"""multipart/related, written and read piece by piece (RFC 2387, PS3.18 8.6.1.2)."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, Protocol, TypeVar

from api.dicomweb.formats.header_values import parameters_of
from storage.core.errors import InvalidRequest

_MAX_PART_HEADER_BYTES = 16 * 1024
_CRLF = b"\r\n"


class MultipartWriter:
    """Makes the frame around parts; the parts' bytes never pass through here."""

    def __init__(self, part_type: str) -> None:
        self.boundary = secrets.token_hex(16)
        self.content_type = f'multipart/related; type="{part_type}"; boundary={self.boundary}'
        self.end = f"\r\n--{self.boundary}--\r\n".encode("ascii")
        self._first = True

    def part_header(
        self, content_type: str, content_length: int | None = None, location: str = ""
    ) -> bytes:
        lines = [f"--{self.boundary}", f"Content-Type: {content_type}"]
        if content_length is not None:
            lines.append(f"Content-Length: {content_length}")
        if location:
            lines.append(f"Content-Location: {location}")
        text = "\r\n".join(lines) + "\r\n\r\n"
        if self._first:
            self._first = False
        else:
            text = "\r\n" + text
        return text.encode("ascii")


class PartSink(Protocol):
    """Takes one part while it arrives."""

    def write(self, data: memoryview, /) -> None: ...

    def close(self) -> None:
        """Let go of it, complete or not; harmless again."""


S = TypeVar("S", bound=PartSink)
Headers = Mapping[str, str]
"""Of a part, their names in lower case."""


class MultipartReader(Generic[S]):
    """Cuts a body that arrives in pieces into parts, in constant memory."""

    def __init__(self, boundary: str, open_part: Callable[[Headers], S]) -> None:
        """`open_part` is given the headers of each part and takes its body."""
        self._delimiter = b"\r\n--" + boundary.encode("ascii", "replace")
        # The first delimiter may stand at the very start, without its line break.
        self._pending = bytearray(_CRLF)
        self._open_part = open_part
        self._part: S | None = None
        self._state = "preamble"
        self._is_empty = True

    @property
    def finished(self) -> bool:
        """The closing delimiter has been seen."""
        return self._state == "epilogue"

    def check_begun(self) -> None:
        """Raises InvalidRequest where the whole body came, and its delimiter never."""
        if self._state != "preamble":
            return
        delimiter = self._delimiter.removeprefix(_CRLF).decode("ascii")
        if self._is_empty:
            raise InvalidRequest(
                "The body is empty.", remedy=f"Send parts, each after a line {delimiter}."
            )
        raise InvalidRequest(
            f"No line of the body is {delimiter}, as the boundary of its Content-Type has it.",
            remedy="State the boundary that stands between the parts.",
        )

    def feed(self, data: bytes) -> Iterator[S]:
        """Take more of the body; yields every part that it completes."""
        self._pending += data
        self._is_empty = self._is_empty and not data
        progress = True
        while progress:
            if self._state in ("preamble", "body"):
                part, progress = self._to_delimiter()
                if part is not None:
                    yield part
            elif self._state == "delimiter":
                progress = self._after_delimiter()
            elif self._state == "headers":
                progress = self._headers()
            else:
                self._pending.clear()
                return

    def close(self) -> None:
        """Let go of a part that was never completed."""
        if self._part is not None:
            self._part.close()
            self._part = None

    def _to_delimiter(self) -> tuple[S | None, bool]:
        index = self._pending.find(self._delimiter)
        # What may be the beginning of a delimiter stays until more has arrived.
        upto = index if index >= 0 else max(0, len(self._pending) - len(self._delimiter) + 1)
        if upto and self._part is not None:
            with memoryview(self._pending) as view, view[:upto] as body:
                self._part.write(body)
        if index < 0:
            del self._pending[:upto]
            return None, False
        del self._pending[: upto + len(self._delimiter)]
        done, self._part = self._part, None
        self._state = "delimiter"
        return done, True

    def _after_delimiter(self) -> bool:
        if len(self._pending) < 2:
            return False
        if self._pending.startswith(b"--"):
            self._state = "epilogue"
            return True
        line_end = self._pending.find(_CRLF)
        if line_end < 0:
            if len(self._pending) > _MAX_PART_HEADER_BYTES:
                raise _malformed("no line ends after a boundary")
            return False
        if self._pending[:line_end].strip():
            raise _malformed("something follows a boundary on its line")
        # The line break stays: without headers it is also half of the empty line.
        del self._pending[:line_end]
        self._state = "headers"
        return True

    def _headers(self) -> bool:
        end = self._pending.find(b"\r\n\r\n")
        if end < 0:
            if len(self._pending) > _MAX_PART_HEADER_BYTES:
                raise _malformed(f"a part's headers exceed {_MAX_PART_HEADER_BYTES} bytes")
            return False
        headers = {}
        for line in bytes(self._pending[:end]).decode("latin-1").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        del self._pending[: end + 4]
        self._part = self._open_part(headers)
        self._state = "body"
        return True


def parse_content_type(value: str) -> tuple[str, dict[str, str]]:
    """Media type and parameters of a Content-Type header, quotes removed."""
    return parameters_of(value)


def _malformed(what: str) -> InvalidRequest:
    return InvalidRequest(
        f"The multipart body is malformed: {what}.",
        remedy="Encode the body as RFC 2046 5.1 describes.",
    )
