"""The room that uploads may take.

What modalities and archives send is refused below `MEDIVIEW_FREE_DISK_MARK_BYTES` alone; uploads,
which people begin, leave as much again to it. With S3 the bytes go to the bucket.
"""

from typing import Protocol

from storage.container.has import HasObjects, HasSettings, HasUploads, HasVolumes
from storage.core.callers.identity import Identity
from storage.core.errors import LimitExceeded, StorageFull
from storage.objects.filesystem import FilesystemObjects
from storage.settings import Settings

_MARKS_LEFT = 2
# While it arrives, or its parts are joined, and where it is kept.
_COPIES = 2
_MOST_WHOLE = 16
"""Uploads of the largest size that one caller may have begun."""


class UploadStorage(HasSettings, HasVolumes, HasObjects, HasUploads, Protocol):
    """What of the storage layer says how much room there is."""


def check_may_begin(storage: UploadStorage, caller: Identity, size_bytes: int) -> None:
    """Raises LimitExceeded, TooManyRequests, StorageFull, StorageUnavailable."""
    settings = storage.settings
    _check_size(settings, size_bytes)
    storage.uploads.check_share(caller, size_bytes, _MOST_WHOLE * settings.upload_max_bytes)
    if isinstance(storage.objects, FilesystemObjects):
        check_room(storage, size_bytes)


def check_room(storage: UploadStorage, size_bytes: int, *, copies: int = _COPIES) -> None:
    """Before so many bytes are written as often. Raises StorageFull, StorageUnavailable."""
    left_bytes = _MARKS_LEFT * storage.settings.free_disk_mark_bytes
    free_bytes = storage.volumes.free_bytes()
    if free_bytes - copies * size_bytes < left_bytes:
        raise StorageFull(
            f"{free_bytes >> 20} MiB are free in the data folder. Uploads take twice their size"
            f" while they arrive, and leave {left_bytes >> 20} MiB to what modalities send.",
            remedy="Free disk space, and send it again.",
        )


def _check_size(settings: Settings, size_bytes: int) -> None:
    """Refuse what would be larger than the node takes."""
    if size_bytes > settings.upload_max_bytes:
        raise LimitExceeded(
            f"The upload would have {size_bytes} bytes; {settings.upload_max_bytes} are allowed.",
            remedy="Divide the study into several uploads, or raise MEDIVIEW_UPLOAD_MAX_BYTES.",
        )
