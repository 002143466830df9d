"""What is uploaded: one file as it is, or several as one ZIP archive, read part by part."""

import hashlib
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mediview_client.errors import MediViewClientError

Source = str | Path | Sequence[str | Path]
"""A DICOM file, a ZIP archive, a PNG, a JPEG, a folder, or several files."""

# The least that a ZIP archive can say; the same files then always make the same archive.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_TYPES = {".zip": "application/zip", ".png": "image/png", ".jpg": "image/jpeg",
          ".jpeg": "image/jpeg", ".dcm": "application/dicom"}  # fmt: skip
_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Archive:
    """The bytes of an upload, of which any part can be read again."""

    file: BinaryIO
    filename: str
    content_type: str
    size_bytes: int

    def read(self, offset_bytes: int, size_bytes: int) -> bytes:
        self.file.seek(offset_bytes)
        return self.file.read(size_bytes)

    def md5(self, offset_bytes: int, size_bytes: int) -> str:
        """Of one part, as its `etag` states it."""
        return hashlib.md5(self.read(offset_bytes, size_bytes), usedforsecurity=False).hexdigest()


@contextmanager
def opened(source: Source) -> Iterator[Archive]:
    """The archive of a source.

    Of several files it is made in a temporary file, uncompressed, and always the same, so that an
    upload can be resumed by another process.
    """
    paths = [Path(source)] if isinstance(source, str | Path) else [Path(one) for one in source]
    if len(paths) == 1 and paths[0].is_file():
        (path,) = paths
        with path.open("rb") as file:
            content_type = _TYPES.get(path.suffix.lower(), "application/octet-stream")
            yield Archive(file, path.name, content_type, path.stat().st_size)
        return
    named = dict(_named(paths))
    if not named:
        raise MediViewClientError(f"There is no file in {', '.join(map(str, paths))}.")
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, path in sorted(named.items()):
                member = zipfile.ZipInfo(name, _EPOCH)
                member.file_size = path.stat().st_size
                with path.open("rb") as read, archive.open(member, "w") as written:
                    while piece := read.read(_COPY_BYTES):
                        written.write(piece)
        name = f"{paths[0].resolve().name or 'study'}.zip"
        yield Archive(file, name, _TYPES[".zip"], file.tell())


def _named(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Each file with its name in the archive; hidden files are left out."""
    for number, path in enumerate(paths):
        prefix = PurePosixPath(str(number)) if len(paths) > 1 else PurePosixPath()
        if path.is_file():
            yield str(prefix / path.name), path
            continue
        if not path.is_dir():
            raise MediViewClientError(f"There is no file or folder {path}.")
        for found in path.rglob("*"):
            inside = found.relative_to(path)
            if found.is_file() and not any(part.startswith(".") for part in inside.parts):
                yield str(prefix / inside.as_posix()), found
