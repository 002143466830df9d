"""Names of files and folders that survive a power cut (fsync(2): a name is its folder's).

A name that is there need not be durable: who made it may be about to sync it, or have failed.
So each process syncs those that it relies on itself, once.
"""

import ctypes
import errno
import os
import uuid
from contextlib import suppress
from pathlib import Path

from storage.core.untrusted_input.folder_walk import walk

_REMEMBERED = 4096
_durable: set[tuple[str, int, int]] = set()
"""Names with device and inode: one that was removed and made again is another."""
# Of renameat2(2), which Python does not have.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
# Of folders that were there before: they are the system's where it does not let us.
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EINVAL, errno.EROFS)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    _sync(folder)


def sync_file(path: Path) -> None:
    """Make what a closed file holds survive a power cut."""
    _sync(path)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_name(path: Path) -> None:
    """Make the name of what is there survive a power cut, once in a process. Raises OSError."""
    status = path.stat()
    key = (str(path.absolute()), status.st_dev, status.st_ino)
    if key in _durable:
        return
    sync_folder(path.parent)
    if len(_durable) >= _REMEMBERED:
        _durable.clear()
    _durable.add(key)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder where it is missing, and those above it; their names survive a power cut.

    `mode` is that of each. Raises OSError.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    try:
        sync_name(folder)
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise
    for made in reversed(missing):
        made.mkdir(mode, exist_ok=True)
        try:
            sync_name(made)
        except OSError:
            # A second sync may succeed without the name.
            with suppress(OSError):
                made.rmdir()
            raise


def sync_tree(folder: Path) -> None:
    """Make files and names below a folder survive a power cut, however deep. Raises OSError."""

    def refuse(error: OSError) -> None:
        raise error

    for here, _, names in walk(folder, refuse):
        for name in names:
            _sync(Path(here, name))
        _sync(Path(here))


def put_in_place(temporary: Path, path: Path, root: Path | None = None) -> None:
    """Give a file, whose bytes are synced, its name, which survives a power cut then.

    So do those of the folders from `root` down to it, if that is given. Raises OSError.
    """
    temporary.replace(path)
    _sync_names(path, root)


def put_where_none_is(temporary: Path, path: Path, root: Path | None = None) -> bool:
    """As `put_in_place`, but False, and nothing is changed, where the name is another's."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    temporary.unlink()
    _sync_names(path, root)
    return True


def _sync_names(path: Path, root: Path | None) -> None:
    folder = path.parent
    sync_folder(folder)
    while root is not None and root in folder.parents:
        folder = folder.parent
        sync_folder(folder)


def write_whole(path: Path, data: bytes, root: Path | None = None) -> None:
    """Write a file that survives a power cut, whole or not at all: no reader meets half of it.

    `root`: see `put_in_place`. Raises OSError.
    """
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(part, path, root)
    finally:
        part.unlink(missing_ok=True)


def exchange(one: Path, other: Path) -> bool:
    """Let two paths of one file system change places at once, so that each has always one of both.

    The names survive a power cut then. False where the system or the file system cannot: nothing
    has changed. Raises OSError.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    here, there = os.fsencode(one), os.fsencode(other)
    if renameat2(_AT_FDCWD, here, _AT_FDCWD, there, _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        if number in (errno.EINVAL, errno.ENOSYS):
            return False
        raise OSError(number, os.strerror(number), str(one), None, str(other))
    sync_folder(one.parent)
    sync_folder(other.parent)
    return True
