"""Writes streams of lines into the pieces of a backup."""

from storage.backup.store import PIECE_BYTES, BackupStore


class PieceWriter:
    """Cuts a stream of lines into compressed pieces."""

    def __init__(self, store: BackupStore) -> None:
        self._store = store
        self._buffer = bytearray()
        self._pieces: list[str] = []
        self.copied_bytes = 0

    def write(self, line: bytes) -> None:
        self._buffer += line
        if len(self._buffer) >= PIECE_BYTES:
            self._flush()

    def finish(self) -> tuple[str, ...]:
        """The pieces, in order; the next stream begins with one of its own."""
        if self._buffer:
            self._flush()
        pieces, self._pieces = tuple(self._pieces), []
        return pieces

    def _flush(self) -> None:
        name, is_new = self._store.put_piece(bytes(self._buffer), compress=True)
        self.copied_bytes += len(self._buffer) if is_new else 0
        self._pieces.append(name)
        self._buffer.clear()
