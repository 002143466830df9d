"""Models that were added on one host, and reach the others by the object store.

Where instances lie in S3, so do the folders of models: who adds one puts it there, and each
process looks again and again for what its host lacks. Where the data folder is the store, its
models are there already.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from inference.failures import place
from inference.model_registry.adding import Added, add_model
from inference.model_registry.model_archives import archived, fetch_archive, files_digest
from inference.models.model_folders import changing_models, remove_model_folder
from inference.refusals import ModelUnusable
from storage.container.has import HasModelStates, HasObjects, HasSettings, HasShadowRuns
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.model_registry.packages import ModelPackage, ModelPackages
from storage.objects.store import ObjectStore
from storage.settings import Settings

log = structlog.get_logger(__name__)

_EVERY_S = 15.0
_ENDS_WITHIN_S = 5.0
_LONGEST_PAUSE_S = 3600.0
_ATTEMPTS = 5
# As wanted, and lacking here: logged once by a process.
_noted: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class _Failure:
    """A package that could not be fetched, and until when it is left alone (monotonic clock)."""

    error: MediViewError
    pause_s: float
    until_s: float


_failures: dict[tuple[Path, str, str], _Failure] = {}
"""By folder of models, folder in it and digest of the archive: another archive may do."""


def is_shared(settings: Settings) -> bool:
    """Whether models go by the object store."""
    return settings.object_store == "s3"


class SharingStorage(HasSettings, HasObjects, Protocol):
    """What of the storage layer hosts share models by."""

    @property
    def model_packages(self) -> ModelPackages: ...


class ModelStorage(SharingStorage, HasModelStates, HasShadowRuns, Protocol):
    """What of the storage layer models are added and removed with."""


def add_shared_model(
    storage: ModelStorage,
    folder: Path,
    by: str,
    *,
    hold: bool = False,
    signed: bool = False,
    note: str = "",
) -> Added:
    """`add_model`; where models go by the object store, it is put there for the other hosts.

    Raises what `add_model` raises, and StorageUnavailable where the store is away: then nothing is
    decided on the model, and other hosts keep what they have.
    """
    return add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        folder,
        by,
        hold=hold,
        signed=signed,
        note=note,
        shared=_Shared(storage, by) if is_shared(storage.settings) else None,
    )


def fetch_models(storage: SharingStorage, *, only_removed: bool = False) -> list[str]:
    """Take what this host lacks from the object store; the folders that it has now.

    What somebody removed is removed here as well; with `only_removed` nothing else is done.

    One that cannot be used is passed over, and tried again after a pause that grows: `not_fetched`
    says why. A host that may not write its models folder is left alone, and the log says so. Raises
    StorageUnavailable.
    """
    settings = storage.settings
    if not is_shared(settings):
        return []
    lacking = _lacking(storage.settings, storage.model_packages, only_removed)
    if not lacking:
        return []
    fetched = {one.folder for one in lacking if not one.is_removed}
    try:
        with changing_models(settings):
            # Again: while it waited, another process may have fetched them, or added newer ones.
            for package in _lacking(storage.settings, storage.model_packages, only_removed):
                fetched.discard(package.folder)
                if _fetch(storage.settings, storage.objects, package):
                    fetched.add(package.folder)
    except PermissionError:
        _note_once(lacking[0], "the models folder cannot be written")
        return []
    except OSError as error:
        # EROFS: a mount for reading, as docker-compose.yml has it.
        _note_once(lacking[0], error.strerror or "the models folder cannot be written")
        return []
    return sorted(fetched)


def not_fetched(settings: Settings, pipeline: str, version: str) -> MediViewError | None:
    """Why the model of a pipeline could not be fetched, if this process tried and failed."""
    for (models, folder, _), failure in _failures.items():
        name, _, of_version = folder.partition("@")
        if (
            models == settings.resolved_models_dir
            and of_version == version
            and pipeline.endswith(f"-{name}")
        ):
            return failure.error
    return None


@contextmanager
def fetching(storage: SharingStorage, *, only_removed: bool = False) -> Iterator[None]:
    """Look for models every quarter of a minute, in a thread of its own, until the block ends.

    `only_removed`: for those that were removed.
    """
    if not is_shared(storage.settings):
        yield
        return
    ending = threading.Event()

    def look() -> None:
        while True:
            try:
                fetch_models(storage, only_removed=only_removed)
            except (MediViewError, SQLAlchemyError, OSError) as error:
                log.warning("models_not_fetched", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: one odd model keeps no other away
                cause = type(error).__name__
                log.error("models_not_fetched", error=cause, place=place(error))
            if ending.wait(_EVERY_S):
                return

    thread = threading.Thread(target=look, name="models", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(_ENDS_WITHIN_S)


class _Shared:
    """The object store, as `add_model` needs it."""

    def __init__(self, storage: SharingStorage, by: str) -> None:
        self._storage = storage
        self._by = by

    def put(self, folder: Path) -> None:
        """Raises StorageUnavailable."""
        try:
            share(self._storage, folder, self._by)
        except StorageUnavailable as error:
            raise StorageUnavailable(
                f"{folder.name} could not be put into the object store, so it was not added."
                f" {error.message}",
                remedy="Add it again when the store answers.",
            ) from error

    def withdraw(self, folder: Path) -> None:
        """Raises StorageUnavailable."""
        withdraw(self._storage.model_packages, self._storage.objects, folder.name, self._by)


def withdraw(model_packages: ModelPackages, objects: ObjectStore, folder: str, by: str) -> None:
    """Let no host fetch a model any more, and each remove it. Raises StorageUnavailable."""
    with model_packages.changing() as packages:
        known = packages.all()
        for package in known:
            if package.folder == folder and not package.is_removed:
                # The object first: what failed here is done again with the row still there.
                if all(one.object_key != package.object_key for one in known if one is not package):
                    objects.delete(package.object_key)
                packages.remove(folder, by)
                log.info("model_withdrawn", folder=folder)


def share(storage: SharingStorage, folder: Path, by: str) -> None:
    """Put a folder of a model into the object store for other hosts. Raises StorageUnavailable."""
    for _ in range(_ATTEMPTS):
        with archived(folder, storage.settings.data_dir) as file:
            size_bytes = file.seek(0, os.SEEK_END)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            file.seek(0)
            storage.objects.put(f"models/{digest}", file, "application/zip")
        if _keep(storage, folder, digest, size_bytes, by):
            break
    else:
        raise StorageUnavailable(
            "Other hosts remove the same archive again and again.",
            remedy="Add it again when they have ended.",
        )
    log.info("model_shared", folder=folder.name, size_bytes=size_bytes)


def _keep(storage: SharingStorage, folder: Path, digest: str, size_bytes: int, by: str) -> bool:
    """False where another host has removed the same archive since it was put there."""
    with storage.model_packages.changing() as packages:
        if not storage.objects.exists(f"models/{digest}"):
            return False
        before = {
            one.object_key
            for one in packages.all()
            if one.folder == folder.name and not one.is_removed
        }
        packages.keep(folder.name, files_digest(folder), digest, size_bytes, by)
    if before - {f"models/{digest}"}:
        # Only now: had the commit failed, the row would name what is gone. In a transaction again,
        # since another host may share the same archive.
        with storage.model_packages.changing() as packages:
            for key in before - {one.object_key for one in packages.all()}:
                storage.objects.delete(key)
    return True


def _lacking(
    settings: Settings, model_packages: ModelPackages, only_removed: bool
) -> list[ModelPackage]:
    """What this host has not, not as it was added or still, and is not left alone for now."""
    now_s = time.monotonic()
    found = []
    for package in model_packages.all():
        if only_removed and not package.is_removed:
            continue
        failure = _failures.get(_key(settings, package))
        if (failure is None or now_s >= failure.until_s) and not _is_done(settings, package):
            found.append(package)
    return found


def _is_done(settings: Settings, package: ModelPackage) -> bool:
    folder = settings.resolved_models_dir / package.folder
    if not folder.is_dir():
        return package.is_removed
    # Earlier versions noted nothing of packs.
    is_that_one = package.files_sha256 in ("", files_digest(folder))
    return is_that_one is not package.is_removed


def _fetch(settings: Settings, objects: ObjectStore, package: ModelPackage) -> bool:
    key = _key(settings, package)
    before = _failures.get(key)
    try:
        if package.is_removed:
            remove_model_folder(settings, package.folder)
            log.info("model_removed", folder=package.folder)
            return False
        fetch_archive(settings, objects, package)
    except StorageFull as error:
        # To look again costs nothing; one line in the log is enough.
        _failures[key] = _Failure(error, 0.0, 0.0)
        if before is None:
            log.warning("model_not_fetched", folder=package.folder, error=error.code)
        return False
    except (ModelUnusable, OSError) as error:
        pause_s = min(2 * before.pause_s, _LONGEST_PAUSE_S) if before else 2 * _EVERY_S
        pause_s = max(pause_s, 2 * _EVERY_S)
        if isinstance(error, OSError):
            error = ModelUnusable(
                f"{package.folder} cannot be written: {error.strerror or type(error).__name__}.",
                remedy="Look after the disk of the models folder.",
            )
        _failures[key] = _Failure(error, pause_s, time.monotonic() + pause_s)
        log.warning("model_not_fetched", folder=package.folder, error=error.code, pause_s=pause_s)
        return False
    _failures.pop(key, None)
    log.info("model_fetched", folder=package.folder, size_bytes=package.size_bytes)
    return True


def _key(settings: Settings, package: ModelPackage) -> tuple[Path, str, str]:
    return settings.resolved_models_dir, package.folder, package.archive_sha256


def _note_once(package: ModelPackage, why: str) -> None:
    key = (package.folder, package.archive_sha256)
    if key not in _noted:
        _noted.add(key)
        log.warning("models_not_fetched", folder=package.folder, reason=why)
