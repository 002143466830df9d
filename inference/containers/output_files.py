"""The folder that a container wrote into: looked through within bounds, links refused."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.refusals import ModelUnusable
from storage.core.errors import MediViewError, StorageFull
from storage.core.text.outside_text import shown_file_name

FILES_AT_MOST = 2000
# What a fast disk takes between two looks.
_DISK_MARGIN_BYTES = 256 * 1024 * 1024
_DEPTH_AT_MOST = 8
_PREFIX_BYTES = 132


def check_size(folder: Path, at_most_bytes: int) -> None:
    """Raises ModelUnusable where there are too many files, or too large ones in all."""
    for _ in _counted(folder, at_most_bytes):
        pass


def check_disk_before(folder: Path, free_disk_mark_bytes: int) -> None:
    """Raises StorageFull where no container should begin to write."""
    if _is_short(folder, free_disk_mark_bytes):
        raise StorageFull(
            "The disk has too little room for a container to write to.",
            remedy="Free some of it, or lower MEDIVIEW_FREE_DISK_MARK_BYTES.",
        )


def check_disk(folder: Path, free_disk_mark_bytes: int) -> None:
    """Raises ModelUnusable where what the container took of the disk endangers receiving.

    It may hold files open that it has removed, which no folder shows.
    """
    if _is_short(folder, free_disk_mark_bytes):
        raise ModelUnusable(
            "The container was ended: the disk that it writes to is nearly full.",
            remedy="Look how much is free there, and what the container writes; then run the"
            " pipeline again.",
        )


def written_files(folder: Path, at_most_bytes: int) -> list[Path]:
    """Every file, by name. Raises as `check_size`, and where anything else than files is there."""
    found = []
    for path, status in _counted(folder, at_most_bytes):
        if not stat.S_ISREG(status.st_mode):
            raise ModelUnusable(
                f"The container wrote {shown_file_name(path.name)}, which is not a file.",
                remedy="Links and devices are not read; ask who made the image.",
            )
        found.append(path)
    return sorted(found)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """What goes wrong with one file becomes a sentence that names it."""
    try:
        yield
    except ModelUnusable:
        raise
    except MediViewError as error:
        raise ModelUnusable(
            f"{shown_file_name(path.name)} of the container cannot be used: {error.message}",
            remedy=error.remedy,
        ) from error
    except Exception as error:
        raise ModelUnusable(
            f"{shown_file_name(path.name)} of the container cannot be read"
            f" ({type(error).__name__}).",
            remedy="Ask who made the image.",
        ) from error


def is_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(_PREFIX_BYTES)[-4:] == b"DICM"


def _is_short(folder: Path, free_disk_mark_bytes: int) -> bool:
    return shutil.disk_usage(folder).free < free_disk_mark_bytes + _DISK_MARGIN_BYTES


def _counted(folder: Path, at_most_bytes: int) -> Iterator[tuple[Path, os.stat_result]]:
    count = size = 0
    folders = [(folder, 0)]
    while folders:
        here, depth = folders.pop()
        for entry in _entries(here):
            count += 1
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                # The container goes on writing and removing while its size is looked at.
                continue
            size += status.st_size
            if count > FILES_AT_MOST or size > at_most_bytes or depth > _DEPTH_AT_MOST:
                raise ModelUnusable(
                    f"The container wrote more than {FILES_AT_MOST} files,"
                    f" {at_most_bytes >> 20} MiB or {_DEPTH_AT_MOST} folders within each other.",
                    remedy="Raise MEDIVIEW_CONTAINER_OUTPUT_BYTES if its results are so large.",
                )
            if stat.S_ISDIR(status.st_mode):
                folders.append((Path(entry.path), depth + 1))
            else:
                yield Path(entry.path), status


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise ModelUnusable(
            "The container wrote a folder that the node may not read.",
            remedy="Ask who made the image for readable results.",
        ) from error
