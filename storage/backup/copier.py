"""Copy files into the store, piece by piece, and pass over what is there already."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

from storage.backup.entities import StoredFile
from storage.backup.sources import Source
from storage.backup.store import PIECE_BYTES, BackupStore

_AT_ONCE = 4


class Copier:
    """Remembers what it copied, and what the backup before had. Use it as a context manager."""

    def __init__(self, store: BackupStore, before: Iterable[StoredFile]) -> None:
        self._store = store
        self._copied = {file.path: file for file in before}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="backup")
        self.copied_bytes = 0

    def __enter__(self) -> "Copier":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def copy_all(self, sources: Iterable[Source]) -> Iterator[StoredFile]:
        """Each file as it is stored; what has gone meanwhile is left out."""
        for source in sources:
            try:
                yield self._copy(source)
            except FileNotFoundError:
                continue

    def _copy(self, source: Source) -> StoredFile:
        version = source.version()
        known = self._copied.get(source.path)
        if (
            known is not None
            and version
            and known.version == version
            # A piece that is gone from the store, or damaged there, is written again.
            and self._store.has(known.pieces)
        ):
            return known
        with source.open() as stream:
            size_bytes, pieces = self._store_pieces(stream)
        file = StoredFile(source.path, size_bytes, version, pieces)
        self._copied[source.path] = file
        return file

    def _store_pieces(self, stream: BinaryIO) -> tuple[int, tuple[str, ...]]:
        size_bytes = 0
        names: list[str] = []
        waiting: deque[Future[tuple[str, int]]] = deque()
        while data := stream.read(PIECE_BYTES):
            size_bytes += len(data)
            waiting.append(self._pool.submit(self._put, data))
            if len(waiting) > _AT_ONCE:
                names.append(self._finished(waiting.popleft()))
        names += map(self._finished, waiting)
        return size_bytes, tuple(names)

    def _put(self, data: bytes) -> tuple[str, int]:
        name, is_new = self._store.put_piece(data)
        return name, len(data) if is_new else 0

    def _finished(self, piece: Future[tuple[str, int]]) -> str:
        name, new_bytes = piece.result()
        self.copied_bytes += new_bytes
        return name
