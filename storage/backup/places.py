"""Where backups lie: a folder, or a prefix of an S3 bucket. Names are slash-separated."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from storage.backup.entities import BackupDamaged
from storage.backup.size_limit import check_size
from storage.core.errors import InvalidRequest, NotFound
from storage.settings import Settings
from storage.volumes.durable_names import make_folder, put_in_place
from storage.volumes.files import translated_os_errors

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
            f"{name} is no place for backups.",
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
    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        path = self._folder / name
        temporary = path.with_name(path.name + _PART)
        with translated_os_errors(self._folder):
            make_folder(path.parent)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            put_in_place(temporary, path, self._folder)

    def get(self, name: str, max_bytes: int) -> bytes:
        path = self._folder / name
        with translated_os_errors(self._folder):
            try:
                # A pipe has no end: it is looked at, and not waited for.
                file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115
            except FileNotFoundError as error:
                raise NotFound(f"{name} is missing in {self.name}.") from error
            except IsADirectoryError as error:
                raise _not_a_file(name, self.name) from error
            with file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise _not_a_file(name, self.name)
                check_size(name, self.name, found.st_size, max_bytes)
                return file.read(found.st_size)

    def list(self, folder: str) -> Iterator[str]:
        with translated_os_errors(self._folder):
            for path in sorted((self._folder / folder).rglob("*")):
                if path.suffix != _PART and path.is_file():
                    yield path.relative_to(self._folder).as_posix()

    def delete(self, name: str) -> None:
        with translated_os_errors(self._folder):
            (self._folder / name).unlink(missing_ok=True)


def _not_a_file(name: str, place_name: str) -> BackupDamaged:
    return BackupDamaged(f"{name} in {place_name} is damaged: it is no file.")


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
