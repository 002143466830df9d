"""Parts of a request that have to wait for each other: in one file without a name."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from api.bodies import media_type_of
from api.dicomweb.formats.multipart import Headers
from storage.core.errors import LimitExceeded
from storage.volumes.files import translated_os_errors
from storage.volumes.writer import VolumeWriter

_PIECE_BYTES = 1 << 20


class Spool:
    """Takes parts one after another. Not safe for threads."""

    def __init__(
        self, folder: Path, max_part_bytes: int, volumes: VolumeWriter | None = None
    ) -> None:
        """`volumes` is asked whether the disk has room. Raises what the methods raise."""
        self._folder = folder
        self._max_part_bytes = max_part_bytes
        self._volumes = volumes
        self._end = 0
        self._file: IO[bytes] | None = None

    def open_part(self, headers: Headers) -> "SpooledPart":
        return SpooledPart(self, dict(headers), self._end)

    def append(self, part: "SpooledPart", data: memoryview) -> None:
        """Raises LimitExceeded, StorageFull, StorageUnavailable."""
        if part.size_bytes + len(data) > self._max_part_bytes:
            raise LimitExceeded(
                f"A part is larger than {self._max_part_bytes} bytes, the most one instance"
                " may have.",
                remedy="Send it in smaller instances, or raise MEDIVIEW_MAX_INSTANCE_BYTES.",
            )
        if self._volumes is not None:
            self._volumes.check_free_disk(len(data))
        with translated_os_errors(self._folder):
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                # Closed by close(), which the spool's owner calls.
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            self._file.seek(self._end)
            self._file.write(data)
        self._end += len(data)

    def read(self, start: int, length: int) -> bytes:
        if self._file is None:
            return b""
        with translated_os_errors(self._folder):
            self._file.seek(start)
            return self._file.read(length)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


@dataclass
class SpooledPart:
    """One part: its headers, and where its body lies."""

    spool: Spool
    headers: dict[str, str]
    start: int
    size_bytes: int = 0

    @property
    def content_type(self) -> str:
        return media_type_of(self.headers)

    def write(self, data: memoryview) -> None:
        self.spool.append(self, data)
        self.size_bytes += len(data)

    def close(self) -> None:
        """The spool keeps it until it is closed itself."""

    def pieces(self) -> Iterator[bytes]:
        """The body, a megabyte at a time."""
        end = self.start + self.size_bytes
        for start in range(self.start, end, _PIECE_BYTES):
            yield self.spool.read(start, min(_PIECE_BYTES, end - start))

    def body(self) -> bytes:
        return self.spool.read(self.start, self.size_bytes)
