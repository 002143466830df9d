"""Where a site's hanging protocols stand: `hanging-protocols.json` of the data folder.

Where each host has a data folder of its own they stand in the bucket alone, so that all show the
same; a file that one of them has from before counts no more.
"""

from pathlib import Path
from typing import Protocol

from storage.container.has import HasObjects, HasSettings
from storage.core.errors import NotFound
from storage.volumes.durable_names import sync_folder, write_whole
from storage.volumes.files import translated_os_errors

FILE = "hanging-protocols.json"
MAX_BYTES = 256 * 1024
_KEY = f"site/{FILE}"


class LayoutStorage(HasSettings, HasObjects, Protocol):
    """What of the storage layer keeps the site's layouts."""


class TooLarge(Exception):
    """It has more than `MAX_BYTES`."""


def read_text(storage: LayoutStorage) -> bytes | None:
    """None where the site has none of its own. Raises TooLarge, OSError, StorageUnavailable."""
    if storage.settings.own_disks:
        try:
            if storage.objects.size(_KEY) > MAX_BYTES:
                raise TooLarge
            return storage.objects.get(_KEY)
        except NotFound:
            return None
    try:
        if _path(storage).stat().st_size > MAX_BYTES:
            raise TooLarge
        return _path(storage).read_bytes()
    except FileNotFoundError:
        return None


def write_text(storage: LayoutStorage, text: bytes) -> None:
    """Raises StorageUnavailable, StorageFull."""
    if storage.settings.own_disks:
        storage.objects.put(_KEY, text, "application/json")
        return
    path = _path(storage)
    with translated_os_errors(path.parent):
        write_whole(path, text)


def remove(storage: LayoutStorage) -> None:
    """Harmless where there is none. Raises StorageUnavailable, StorageFull."""
    if storage.settings.own_disks:
        storage.objects.delete(_KEY)
        return
    path = _path(storage)
    with translated_os_errors(path.parent):
        path.unlink(missing_ok=True)
        sync_folder(path.parent)


def _path(storage: HasSettings) -> Path:
    return storage.settings.data_dir / FILE
