"""multipart/related, written and read piece by piece (RFC 2387, PS3.18 8.6.1.2)."""

import mmap
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from storage.errors import InvalidRequest, LimitExceeded

_MAX_PART_HEADER_BYTES = 16 * 1024
_IN_MEMORY_BYTES = 4 * 1024 * 1024
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


class Part:
    """One received part: its headers, and its body in memory or in a file without a name."""

    def __init__(self, headers: dict[str, str], folder: Path, max_bytes: int) -> None:
        self.headers = headers
        self.size_bytes = 0
        self._max_bytes = max_bytes
        self._folder = folder
        self._memory = bytearray()
        self._file: IO[bytes] | None = None

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def write(self, data: memoryview) -> None:
        self.size_bytes += len(data)
        if self.size_bytes > self._max_bytes:
            raise LimitExceeded(
                f"A part is larger than {self._max_bytes} bytes, the most one instance may have.",
                remedy="Send it in smaller instances, or raise MEDIVIEW_MAX_INSTANCE_BYTES.",
            )
        if self._file is None and len(self._memory) + len(data) > _IN_MEMORY_BYTES:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Closed by close(), which the reader's owner calls for every part.
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            self._file.write(self._memory)
            self._memory = bytearray()
        if self._file is None:
            self._memory += data
        else:
            self._file.write(data)

    @contextmanager
    def body(self) -> Iterator[memoryview]:
        """The whole body, mapped rather than loaded where it lies in a file."""
        if self._file is None:
            with memoryview(self._memory) as view:
                yield view
            return
        self._file.flush()
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = memoryview(mapped)
            try:
                yield view
            finally:
                view.release()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._memory = bytearray()


class MultipartReader:
    """Cuts a body that arrives in pieces into parts, in constant memory."""

    def __init__(self, boundary: str, folder: Path, max_part_bytes: int) -> None:
        self._delimiter = b"\r\n--" + boundary.encode("ascii", "replace")
        # The first delimiter may stand at the very start, without its line break.
        self._pending = bytearray(_CRLF)
        self._folder = folder
        self._max_part_bytes = max_part_bytes
        self._part: Part | None = None
        self._state = "preamble"

    @property
    def finished(self) -> bool:
        """The closing delimiter has been seen."""
        return self._state == "epilogue"

    def feed(self, data: bytes) -> Iterator[Part]:
        """Take more of the body; yields every part that it completes."""
        self._pending += data
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

    def _to_delimiter(self) -> tuple[Part | None, bool]:
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
        self._part = Part(headers, self._folder, self._max_part_bytes)
        self._state = "body"
        return True


def parse_content_type(value: str) -> tuple[str, dict[str, str]]:
    """Media type and parameters of a Content-Type header, quotes removed."""
    media_type, *parameters = re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', value)
    values = {}
    for parameter in parameters:
        name, _, text = parameter.partition("=")
        values[name.strip().lower()] = text.strip().strip('"')
    return media_type.strip().lower(), values


def _malformed(what: str) -> InvalidRequest:
    return InvalidRequest(
        f"The multipart body is malformed: {what}.",
        remedy="Encode the body as RFC 2046 5.1 describes.",
    )
