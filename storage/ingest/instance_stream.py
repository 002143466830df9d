"""One instance on its way in, piece by piece, in constant memory.

Small ones are gathered and go into the process's open volume; what grows
beyond a few MB streams into a volume of its own.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from storage.core.errors import LimitExceeded
from storage.dicom.file_meta import FILE_META_MAX_BYTES, read_file_meta
from storage.dicom.part10 import Header, read_header
from storage.volumes.large_instance import LargeVolume

SPILL_BYTES = 8 * FILE_META_MAX_BYTES

T = TypeVar("T")


class InstanceStream(Generic[T]):
    """Write the pieces, then `finish`; or `discard` what came. Not safe for threads.

    `open_large` makes the volume of a large instance, given where its data set
    begins; `accept_small` keeps a whole part 10 file; `accept_large` indexes a large
    one, whose record it finishes.
    """

    def __init__(
        self,
        *,
        prefix: bytes,
        max_bytes: int,
        open_large: Callable[[int], LargeVolume],
        accept_small: Callable[[bytes], T],
        accept_large: Callable[[Header, LargeVolume], T],
    ) -> None:
        self._pieces = bytearray(prefix)
        self._size_bytes = len(prefix)
        self._max_bytes = max_bytes
        self._open_large = open_large
        self._accept_small = accept_small
        self._accept_large = accept_large
        self._large: LargeVolume | None = None
        # A prefix is the whole File Meta Information.
        self._has_meta = bool(prefix)

    def gather_nothing(self) -> None:
        """Into a volume of its own from here on, however small it is.

        For a stream that begins with its File Meta Information. Raises StorageFull,
        StorageUnavailable.
        """
        if self._large is None:
            self._spill()

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Take the next piece. Raises LimitExceeded, StorageFull, StorageUnavailable."""
        self._size_bytes += len(piece)
        if self._size_bytes > self._max_bytes:
            raise LimitExceeded(
                f"The instance has more than the {self._max_bytes} bytes that are allowed.",
                remedy="Raise MEDIVIEW_MAX_INSTANCE_BYTES if instances of this size are wanted.",
            )
        if self._large is None and self._has_meta and self._size_bytes > SPILL_BYTES:
            self._spill()
        if self._large is not None:
            self._large.write(piece)
            return
        self._pieces += piece
        if len(self._pieces) > SPILL_BYTES:
            self._spill()

    def finish(self) -> T:
        """Keep the instance; on return it is durable and can be queried.

        Raises InvalidInstance, LimitExceeded, StorageFull, StorageUnavailable;
        then nothing of it stays.
        """
        large = self._large
        if large is None:
            return self._accept_small(bytes(self._pieces))
        try:
            with large.part10() as part10:
                header = read_header(part10)
            return self._accept_large(header, large)
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget what came; harmless after `finish`."""
        self._pieces.clear()
        if self._large is not None:
            self._large.discard()
            self._large = None

    def _spill(self) -> None:
        meta = read_file_meta(self._pieces)
        self._large = self._open_large(meta.dataset_offset)
        self._large.write(self._pieces)
        self._pieces.clear()
