"""An export as a folder on this machine."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from inference.projects.folder import check_empty, write_file
from inference.projects.targets.target import MARKER
from storage.core.untrusted_input.folder_walk import files_below
from storage.projects.entities import ExportedInstance

_PIECE_BYTES = 1 << 20


class FolderFiles:
    """A folder to be read, on any machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def read(self, name: str) -> bytes | None:
        path = self._path(name)
        return None if path is None else path.read_bytes()

    def digests(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        for name in names:
            path = self._path(name)
            if path is not None:
                yield name, _digest(path)

    def names(self) -> Iterable[str]:
        return (found.relative_to(self._folder).as_posix() for found in files_below(self._folder))

    def _path(self, name: str) -> Path | None:
        """None for what is no file of the folder, wherever a link leads."""
        path = self._folder / name
        is_within = path.resolve().is_relative_to(self._folder.resolve())
        return path if is_within and path.is_file() else None


class FolderTarget(FolderFiles):
    transfer = ""

    def begin(self, export_id: str) -> None:
        marker = self._folder / MARKER
        if not (marker.is_file() and marker.read_text() == export_id):
            check_empty(self._folder)
            self.write(MARKER, export_id.encode())

    def write(self, name: str, data: bytes) -> None:
        write_file(self._folder, name, data)

    def missing(self, files: Sequence[ExportedInstance]) -> list[ExportedInstance]:
        return [one for one in files if self._path(one.name) is None]

    def end(self) -> None:
        (self._folder / MARKER).unlink(missing_ok=True)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
