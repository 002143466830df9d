"""A large instance on its way in: a volume of its own, written in pieces.

The record's header is written last. Until then the file begins with zeros, so
what a crash leaves is no record, and `reconcile` removes it.
"""

import contextlib
import fcntl
import mmap
import os
from pathlib import Path

from storage.clock import utcnow
from storage.entities import Location, Origin
from storage.volume_files import new_volume_path, sync_folder, translated_os_errors
from storage.volumes import HEADER, Appended, Note, encode_header


class LargeVolume:
    """Holds one record. Not safe for threads; end it with `finish` or `discard`."""

    def __init__(self, folder: Path, *, source: str, origin: Origin, generation: int = 0) -> None:
        """Raises StorageFull or StorageUnavailable, as every method here."""
        self._folder = folder
        self._note = Note(source, origin, utcnow(), generation)
        self._encoded_note = self._note.encode()
        self._offset = HEADER.size + len(self._encoded_note)
        self._length = 0
        self._path = new_volume_path(folder)
        with translated_os_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        rest = memoryview(piece)
        with translated_os_errors(self._folder):
            while rest:
                written = os.pwrite(self._fd, rest, self._offset + self._length)
                self._length += written
                rest = rest[written:]

    def view(self) -> mmap.mmap:
        """The bytes written so far, without reading them into memory, from the record on.

        The part 10 file begins `payload_offset` bytes into it.
        """
        return mmap.mmap(self._fd, self._offset + self._length, prot=mmap.PROT_READ)

    @property
    def payload_offset(self) -> int:
        return self._offset

    def finish(self, *, dataset_offset: int, digest: bytes) -> Appended:
        """Write the header and make the record durable; where that fails, the file goes."""
        with translated_os_errors(self._folder):
            try:
                file_meta = os.pread(self._fd, dataset_offset, self._offset)
                header = encode_header(self._encoded_note, file_meta, self._length, digest)
                # The data first: a header on disk must never vouch for bytes that are not.
                os.fdatasync(self._fd)
                os.pwrite(self._fd, header, 0)
                os.fdatasync(self._fd)
                sync_folder(self._folder)
            except OSError:
                self.discard()
                raise
            os.close(self._fd)
        return Appended(Location(self._path.name, self._offset, self._length), self._note)

    def discard(self) -> None:
        # Where not even the name can go, what is left has no header and counts as unfinished.
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        os.close(self._fd)
