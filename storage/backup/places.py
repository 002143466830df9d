"""Where backups lie: a folder, or a prefix of an S3 bucket. Names are slash-separated."""

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from storage.backup.entities import BackupDamaged
from storage.backup.size_limit import check_size
from storage.core import open_files
from storage.core.errors import InvalidRequest, NotFound, StorageFull, StorageUnavailable
from storage.core.untrusted_input.folder_walk import walk
from storage.settings import Settings
from storage.volumes.durable_names import make_folder

_PART = ".part"


class Place(Protocol):
    """Every call may raise StorageUnavailable or StorageFull."""

    name: str
    """As the operator wrote it."""

    def put(self, name: str, data: bytes) -> None:
        """Write it durably; others see all of it or nothing."""
        ...

    def get(self, name: str, max_bytes: int) -> bytes:
        """Raises NotFound, and BackupDamaged where it is no file or has more bytes."""
        ...

    def list(self, folder: str) -> Iterator[str]:
        """The names below a folder, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Deleting what is not there is no error."""
        ...


def open_place(settings: Settings, name: str = "") -> Place:
    """The place that is named, else that of the settings. Raises InvalidRequest."""
    name = name or settings.backup_to
    if not name:
        raise InvalidRequest(
            "No place for backups is named.",
            remedy="Set MEDIVIEW_BACKUP_TO to a folder or to s3://bucket/prefix.",
        )
    if "://" not in name:
        folder = Path(name).absolute()
        if folder.is_relative_to(settings.data_dir.absolute()):
            raise _part_of_the_node(name)
        return FolderPlace(folder)
    parts = urlsplit(name)
    if parts.scheme != "s3" or not parts.netloc:
        raise InvalidRequest(
            f"{name} is not a place for backups.",
            remedy="Name a folder, or a bucket as s3://bucket/prefix.",
        )
    if settings.object_store == "s3" and parts.netloc == settings.s3_bucket:
        raise _part_of_the_node(name)
    # Here, for boto3 takes a fifth of a second to import.
    from storage.backup.bucket_place import BucketPlace

    return BucketPlace(settings, name, parts.netloc, parts.path.strip("/"))


def _part_of_the_node(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"{name} is a part of the node, and would be lost with it.",
        remedy="Name a folder on another disk or machine, or another bucket.",
    )


class FolderPlace:
    """Others may write into it, too: links in it are neither followed nor written through."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        with _translated(self._folder):
            make_folder(self._folder)
            with self._opened(name, make=True) as (fd, last):
                part = f".{uuid.uuid4().hex}{_PART}"
                try:
                    with open(part, "xb", opener=partial(os.open, dir_fd=fd)) as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                    os.replace(part, last, src_dir_fd=fd, dst_dir_fd=fd)
                except BaseException:
                    with suppress(OSError):
                        os.unlink(part, dir_fd=fd)
                    raise
                os.fsync(fd)

    def get(self, name: str, max_bytes: int) -> bytes:
        with _translated(self._folder):
            try:
                with self._opened(name) as (fd, last):
                    # A pipe has no end: it is looked at, and not waited for.
                    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
                    file = os.fdopen(os.open(last, flags, dir_fd=fd), "rb")
            except FileNotFoundError as error:
                raise NotFound(f"{name} is missing in {self.name}.") from error
            except IsADirectoryError as error:
                raise _not_a_file(name, self.name) from error
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
                raise _not_a_file(name, self.name) from error
            with file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise _not_a_file(name, self.name)
                check_size(name, self.name, found.st_size, max_bytes)
                return file.read(found.st_size)

    def list(self, folder: str) -> Iterator[str]:
        with _translated(self._folder):
            top = self._folder / folder
            if top.is_symlink():
                raise _a_link(folder, self.name)
            found = [Path(here, name) for here, _, names in walk(top) for name in names]
            for path in sorted(found):
                if path.suffix != _PART and stat.S_ISREG(path.lstat().st_mode):
                    yield path.relative_to(self._folder).as_posix()

    def delete(self, name: str) -> None:
        with (
            _translated(self._folder),
            suppress(FileNotFoundError),
            self._opened(name) as (fd, last),
        ):
            os.unlink(last, dir_fd=fd)

    @contextmanager
    def _opened(self, name: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The folder that `name` is in, open, and the last part of `name`.

        Raises OSError, and BackupDamaged where a folder on the way is a link. With `make`,
        folders that are missing are made, and their names survive a power cut.
        """
        *folders, last = name.split("/")
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for one in folders:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(one, dir_fd=fd)
                        os.fsync(fd)
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                try:
                    below = os.open(one, flags, dir_fd=fd)
                except OSError as error:
                    if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                        raise
                    raise _a_link(one, self.name) from error
                os.close(fd)
                fd = below
            yield fd, last
        finally:
            os.close(fd)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """What the file system raises, as our causes: it need not be the data folder's."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                f"The disk of the folder of backups {folder} is full.",
                remedy="Free disk space, or remove older backups with 'mediview backup prune'.",
            ) from error
        open_files.check_error(error)
        raise StorageUnavailable(
            f"The folder of backups {folder} does not work: {error.strerror}.",
            remedy="Check that it exists, is writable and that its disk is healthy.",
        ) from error


def _not_a_file(name: str, place_name: str) -> BackupDamaged:
    return BackupDamaged(f"{name} in {place_name} is damaged: it is not a file.")


def _a_link(name: str, place_name: str) -> BackupDamaged:
    return BackupDamaged(
        f"{name} in {place_name} is a link, or no folder.",
        remedy="Look who put it there; put a folder in its place.",
    )
