"""The data folder is its owner's alone: what lies in it names patients, and holds keys.

Folders 0700, files 0600. What is made afterwards is so by the umask of the process; what an
older version or another program left open is put right when a role starts.
"""

import errno
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import structlog

from storage.core.untrusted_input.folder_walk import walk

log = structlog.get_logger(__name__)

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Of the shell or service that started the process; empty where nothing was changed.
_usual_umask: list[int] = []


def keep_private() -> None:
    """From now on this process, and all that it starts, makes files for its own user alone."""
    before = os.umask(_OTHERS)
    if not _usual_umask:
        _usual_umask.append(before)


def as_usual(path: Path) -> None:
    """Give what is left for others' programs the mode that it had without `keep_private`."""
    if _usual_umask:
        path.chmod((0o777 if path.is_dir() else 0o666) & ~_usual_umask[0])


def prepare(folder: Path) -> None:
    """Make the folder where it is missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def repair(folder: Path) -> None:
    """Make the folder, and close it to others.

    All that lies in it is looked at only where the folder itself, or something directly in it,
    was open: nobody else reaches what is in a closed one.
    """
    prepare(folder)
    was_open = _close(folder)
    if not was_open and not any(map(_is_open, _entries(folder))):
        return
    closed = sum(_close(path) for path in (*_entries(folder), *_below(folder)))
    log.warning("data_folder_was_open", closed=closed + was_open)


def open_entries(folder: Path, at_most: int = 10_000) -> list[Path]:
    """The folder and what of its first entries others may read, write or enter."""
    looked_at = islice(_below(folder), at_most)
    return [path for path in (folder, *looked_at) if _is_open(path)]


def _entries(folder: Path) -> list[Path]:
    return [Path(one.path) for one in os.scandir(folder)]


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in walk(folder):
        for name in (*folders, *files):
            yield Path(parent, name)


def _is_open(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError as error:
        # Removed by another process meanwhile; or deeper than any path leads.
        if error.errno not in (errno.ENOENT, errno.ENAMETOOLONG):
            raise
        return False
    return not stat.S_ISLNK(found.st_mode) and bool(found.st_mode & _OTHERS)


def _close(path: Path) -> bool:
    """Whether it was open, and is not any more."""
    if not _is_open(path):
        return False
    try:
        path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~_OTHERS)
    except FileNotFoundError:
        return False
    except PermissionError:
        # Somebody else's: `mediview doctor` names it.
        log.warning("not_closed_to_others", remedy="chown it to the user of the node")
        return False
    return True
