"""A large instance on its way in: a volume of its own, written in pieces.

Pieces are gathered into buffers, which another thread digests and writes, past
the page cache, while the next one fills. The record's header is written last.
Until then the file begins with zeros, so what a crash leaves is no record, and
`reconcile` removes it.
"""

import contextlib
import errno
import mmap
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from storage.core.clock import utcnow
from storage.core.entities import NO_ASSOCIATION, Location, Origin, StoreAssociation
from storage.dicom.digests import new_hasher, proves
from storage.volumes.durable_names import sync_folder
from storage.volumes.files import (
    begin_append,
    create_volume_file,
    is_in_place,
    translated_os_errors,
    write_blocks,
)
from storage.volumes.records import (
    BLOCK_BYTES,
    HEADER,
    PLAUSIBLE_GENERATIONS,
    Appended,
    Note,
    encode_header,
)
from storage.volumes.write_buffer import WriteBuffer

_BUFFER_BYTES = 2 << 20
# While so many are open in this process, those that begin have short ones.
_WITH_LONG_BUFFERS = threading.BoundedSemaphore(8)
_SHORT_BUFFER_BYTES = 256 << 10
_BUFFERS = 3
_NOTE_BYTES = 512


class LargeVolume:
    """Holds one record. Not safe for threads; end it with `finish` or `discard`."""

    def __init__(
        self,
        folder: Path,
        *,
        source: str,
        origin: Origin,
        dataset_offset: int,
        association: StoreAssociation = NO_ASSOCIATION,
        generation: Callable[[], int] = lambda: 0,
        admit: Callable[[int], None] | None = None,
        check_folder: Callable[[], None] = lambda: None,
    ) -> None:
        """The data set of the part 10 file begins at `dataset_offset`.

        `generation` is asked when all has arrived, since a deletion meanwhile does not mean what
        comes after it; it may raise OSError. `admit` is asked for every buffer, with its length;
        it raises StorageFull where no more may come. `check_folder` raises StorageUnavailable where
        the folder is not the one that was there before. Raises StorageFull or StorageUnavailable,
        as every method here.
        """
        self._folder = folder
        self._admit = admit
        self._dataset_offset = dataset_offset
        self._note = Note(source, origin, utcnow(), association=association)
        self._generation = generation
        # Both are known at its end, and then there must be room to say so.
        longest = replace(self._note, generation=PLAUSIBLE_GENERATIONS, is_aside=True)
        self._note_length = max(_NOTE_BYTES, len(longest.encode()))
        self._offset = HEADER.size + self._note_length
        with translated_os_errors(folder):
            self._path, self._fd = create_volume_file(folder)
        try:
            # Now that something is in it: its disk may have gone before.
            check_folder()
        except BaseException:
            os.close(self._fd)
            self._path.unlink(missing_ok=True)
            raise
        self._digest = new_hasher()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="large-instance")
        self._written: deque[tuple[WriteBuffer, Future[None]]] = deque()
        self._has_long_buffers = _WITH_LONG_BUFFERS.acquire(blocking=False)
        self._buffer_bytes = _BUFFER_BYTES if self._has_long_buffers else _SHORT_BUFFER_BYTES
        self._filling = WriteBuffer(self._buffer_bytes)
        # The header's place; the note follows with it.
        self._filling.take(bytes(self._offset))
        self._skip_digest = self._offset + dataset_offset
        self._first_block = b""
        self._position = 0
        self._is_open = True

    @property
    def source(self) -> str:
        return self._note.source

    @property
    def length(self) -> int:
        """Of the part 10 file so far."""
        return self._position + self._filling.length - self._offset

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        rest = memoryview(piece)
        while rest:
            step = rest[: self._filling.room]
            self._filling.take(step)
            rest = rest[len(step) :]
            if not self._filling.room:
                self._hand_over()

    def digest(self) -> bytes:
        """That of the data set that was written; nothing can be written any more."""
        if self._filling.length:
            self._hand_over()
        self._wait_for(0)
        return self._digest.digest()

    def is_proved_by(self, known: str) -> bool:
        """Whether that digest is one of the data set; nothing can be written any more."""
        if self.digest().hex() == known:
            return True
        with self.part10() as part10, part10[self._dataset_offset :] as data_set:
            return proves(known, data_set)

    @contextlib.contextmanager
    def part10(self) -> Iterator[memoryview]:
        """The whole file, without reading it into memory; nothing can be written any more."""
        self.digest()
        with (
            mmap.mmap(self._fd, self._offset + self.length, prot=mmap.PROT_READ) as mapped,
            memoryview(mapped) as view,
            view[self._offset :] as part10,
        ):
            yield part10

    @property
    def origin(self) -> Origin:
        return self._note.origin

    def attribute_to(self, source: str, origin: Origin) -> bool:
        """State another origin, now that the content is known. False where the note has no room."""
        note = replace(self._note, source=source, origin=origin, association=NO_ASSOCIATION)
        longest = replace(note, generation=PLAUSIBLE_GENERATIONS, is_aside=True)
        if len(longest.encode()) > self._note_length:
            return False
        self._note = note
        return True

    def finish(self, *, is_aside: bool = False, digest: bytes | None = None) -> Appended:
        """Write the header and make the record durable; where that fails, the file goes.

        `is_aside`: other content is stored under its UID. `digest` is another that is one of the
        data set (`is_proved_by`).
        """
        digest = digest or self.digest()
        length = self.length
        with translated_os_errors(self._folder):
            try:
                note = replace(self._note, generation=self._generation(), is_aside=is_aside)
                # JSON takes no notice of blanks behind it.
                encoded_note = note.encode().ljust(self._note_length)
                with self.part10() as part10:
                    meta = bytes(part10[: self._dataset_offset])
                header = encode_header(encoded_note, meta, length, digest)
                os.ftruncate(self._fd, self._offset + length)
                # The data first: a header on disk must never vouch for bytes that are not.
                os.fdatasync(self._fd)
                self._filling.clear()
                self._filling.take(header)
                self._filling.take(self._first_block[len(header) :])
                # Until the file is closed: where the rest fails, there was no record.
                begin_append(self._fd)
                write_blocks(self._fd, self._filling.blocks(), 0)
                os.ftruncate(self._fd, self._offset + length)
                os.fdatasync(self._fd)
                sync_folder(self._folder)
                if not is_in_place(self._path, os.fstat(self._fd)):
                    raise OSError(errno.ENOENT, f"the volume {self._path.name} was removed")
            except OSError:
                self.discard()
                raise
        self._close()
        return Appended(Location(self._path.name, self._offset, length), note)

    def discard(self) -> None:
        if not self._is_open:
            return
        # Where not even the name can go, what is left has no header and counts as unfinished.
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        self._is_open = False
        self._writer.shutdown(wait=True)
        self._written.clear()
        if self._has_long_buffers:
            _WITH_LONG_BUFFERS.release()
        os.close(self._fd)

    def _hand_over(self) -> None:
        full = self._filling
        if self._admit is not None:
            self._admit(full.length)
        if not self._position:
            self._first_block = bytes(full.blocks()[:BLOCK_BYTES])
        job = self._writer.submit(self._digest_and_write, full, self._position)
        self._position += full.length
        self._written.append((full, job))
        self._filling = (
            WriteBuffer(self._buffer_bytes) if len(self._written) < _BUFFERS else self._free()
        )

    def _free(self) -> WriteBuffer:
        """The buffer that was handed over first, once it is written."""
        buffer = self._written[0][0]
        self._wait_for(_BUFFERS - 1)
        buffer.clear()
        return buffer

    def _wait_for(self, left: int) -> None:
        with translated_os_errors(self._folder):
            while len(self._written) > left:
                self._written.popleft()[1].result()

    def _digest_and_write(self, buffer: WriteBuffer, position: int) -> None:
        blocks = buffer.blocks()
        start = max(0, self._skip_digest - position)
        self._digest.update(blocks[start : buffer.length])
        write_blocks(self._fd, blocks, position)
