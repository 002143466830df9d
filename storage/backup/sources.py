"""What of a node goes into a backup beside the database, file by file."""

import io
import os
import stat
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from storage.backup.store import HEAD
from storage.core.data_folder import unfinished_restore
from storage.core.errors import InvalidRequest, NotFound, StorageUnavailable
from storage.core.untrusted_input.folder_walk import walk
from storage.db.sqlite_files.replacement import index_path
from storage.objects.filesystem import FilesystemObjects
from storage.objects.store import ObjectStore
from storage.settings import Settings
from storage.volumes.files import SUFFIX, nothing_appended
from storage.volumes.scan import is_being_written, is_unfinished

VOLUMES = "volumes/"
OBJECTS = "objects/"
MODELS = "models/"
RULES = "rules.yaml"
AUDIT = "audit/"

# Of the moment or of the machine; the database goes another way.
_LEFT_OUT_FOLDERS = frozenset(
    {
        "broker",
        "conflicts",
        "containers",
        "export",
        "model-servers",
        "objects",
        "models",
        "spool",
        "tmp",
    }
)
# Of a file system that is mounted there; only root may read it.
_LOST_AND_FOUND = "lost+found"
_LEFT_OUT_FILES = frozenset({"reserve", RULES, "volumes/reconciled-with", unfinished_restore.NAME})
_APPEND_PATIENCE_S = 5.0
# A file may change twice within one tick of the file system's clock.
_SETTLED_AFTER_S = 2.0


class Source(Protocol):
    @property
    def path(self) -> str:
        """Of the file in the backup."""
        ...

    def version(self) -> str:
        """Tells whether it has changed; empty where nothing can. Raises FileNotFoundError."""
        ...

    def open(self) -> AbstractContextManager[BinaryIO]:
        """What is durable of it. Raises FileNotFoundError where it has gone."""
        ...


@dataclass(frozen=True)
class LocalFile:
    path: str
    file: Path

    def version(self) -> str:
        found = self.file.stat()
        if time.time() - found.st_mtime < _SETTLED_AFTER_S or (
            self.path.endswith(SUFFIX) and is_being_written(self.file)
        ):
            return ""
        return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        with self.file.open("rb") as file:
            if not self.path.endswith(SUFFIX):
                yield file
                return
            # What stands there now is never written again, and all of it is durable.
            with nothing_appended(self.file, _APPEND_PATIENCE_S):
                size = 0 if is_unfinished(self.file) else os.fstat(file.fileno()).st_size
            with io.BufferedReader(_Beginning(file, size)) as beginning:
                yield beginning


@dataclass(frozen=True)
class BucketObject:
    path: str
    objects: ObjectStore
    tag: str
    """The bucket's own word for these bytes (ETag)."""

    def version(self) -> str:
        return self.tag

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        try:
            with self.objects.open(self.path.removeprefix(OBJECTS)) as stream:
                yield stream
        except NotFound as error:
            raise FileNotFoundError(self.path) from error


def data_folder_files(settings: Settings) -> Iterator[Source]:
    """Everything but volumes, objects and the audit files."""
    database = index_path(settings)
    for one in _files(settings.data_dir, "", _LEFT_OUT_FOLDERS | {"audit"}):
        if not (one.path.startswith(VOLUMES) and one.path.endswith(SUFFIX)) and not (
            database and one.file.name.startswith(database.name)
        ):
            yield one
    yield from _files(settings.resolved_models_dir, MODELS, frozenset(), hidden=True)
    if settings.resolved_rules_file.is_file():
        yield LocalFile(RULES, settings.resolved_rules_file)


def audit_files(settings: Settings) -> Iterator[Source]:
    """To be copied before the database is looked at: the anchors of the chain must not be newer
    than it, and what waits to be brought in must be in one of both."""
    return _files(settings.data_dir / "audit", AUDIT, frozenset())


def volume_files(settings: Settings) -> Iterator[Source]:
    """To be copied after the database was looked at: then every row has its record."""
    files = _files(settings.data_dir / "volumes", VOLUMES, frozenset())
    return (one for one in files if one.path.endswith(SUFFIX))


def stored_objects(settings: Settings, objects: ObjectStore) -> Iterator[Source]:
    """Objects of the folder or of the bucket."""
    if isinstance(objects, FilesystemObjects):
        yield from _files(settings.data_dir / "objects", OBJECTS, frozenset())
        return
    # With boto3.
    from storage.objects.s3 import S3Objects

    if not isinstance(objects, S3Objects):
        raise TypeError("an object store that a backup does not know")
    for key, tag in objects.list_with_tags():
        yield BucketObject(OBJECTS + key, objects, tag)


def target_of(settings: Settings, path: str) -> Path:
    """Where a file of a backup lies on this node. Raises InvalidRequest where it would leave it."""
    parts = path.split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\0" in path:
        raise InvalidRequest(f"The backup names a file that none may be called: {path!r}.")
    if path.startswith(MODELS):
        return settings.resolved_models_dir / path.removeprefix(MODELS)
    if path == RULES:
        return settings.resolved_rules_file
    return settings.data_dir / path


def _files(
    folder: Path, prefix: str, left_out: frozenset[str], *, hidden: bool = False
) -> Iterator[LocalFile]:
    """Regular files, also those behind links, which a restored node has in their place.

    Hidden files are unfinished ones, but in what others made. Raises StorageUnavailable for what
    cannot be read: a backup without it would look whole.
    """
    for parent, folders, names in walk(folder, _refuse_unread, follow_links=True):
        inside = Path(parent).relative_to(folder)
        folders[:] = sorted(
            name
            for name in folders
            if (hidden or not name.startswith("."))
            and (inside.parts or name not in left_out)
            and name != _LOST_AND_FOUND
            and not _leads_astray(folder, Path(parent, name))
        )
        for name in sorted(names):
            path, file = prefix + (inside / name).as_posix(), Path(parent, name)
            is_unfinished_file = name.endswith((".lock", ".part")) or name.startswith(".")
            if (
                path not in _LEFT_OUT_FILES
                and (hidden or not is_unfinished_file)
                and _is_regular(file)
            ):
                yield LocalFile(path, file)


def _is_regular(file: Path) -> bool:
    """Sockets and pipes have no content, and reading one could wait for ever."""
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except FileNotFoundError as error:
        if file.is_symlink():
            raise _unread(file, "the link leads to nothing") from error
        return False
    except OSError as error:
        raise _unread(file, error.strerror) from error


def _leads_astray(folder: Path, inner: Path) -> bool:
    """Whether a link below `folder` leads to a folder that it lies in itself, or to backups."""
    if not inner.is_symlink():
        return False
    if (inner / HEAD).exists():
        return True
    above = [one for one in inner.parents if one.is_relative_to(folder)]
    return inner.resolve() in {one.resolve() for one in above}


def _refuse_unread(error: OSError) -> None:
    """A folder that has gone meanwhile, or was never made, has nothing to copy."""
    if not isinstance(error, FileNotFoundError):
        raise _unread(error.filename, error.strerror) from error


def _unread(path: str | Path, why: str | None) -> StorageUnavailable:
    return StorageUnavailable(
        f"{path} cannot be read ({why or 'input or output'}), so a backup would lack it.",
        remedy="Let the node's user read it, or remove it from the node.",
    )


class _Beginning(io.RawIOBase):
    """The first bytes of a file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)
