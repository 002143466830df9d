"""Folders within each other, however deep.

`os.walk` of Python 3.11 descends by recursion and ends at a thousand; that of 3.12 does not.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path


def walk(
    folder: Path,
    on_error: Callable[[OSError], None] | None = None,
    *,
    follow_links: bool = False,
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Each folder with the names of its folders and its files, from the top, as `os.walk` does.

    Who sorts or shortens the list of folders decides where it goes on. What cannot be listed, as
    a path that is too long for the system, is left out unless `on_error` raises.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                found = list(entries)
        except OSError as error:
            if on_error is not None:
                on_error(error)
            continue
        folders = [entry.name for entry in found if _is_folder(entry)]
        others = {entry.name for entry in found}.difference(folders)
        links = {entry.name for entry in found if entry.is_symlink() and not follow_links}
        yield here, folders, [entry.name for entry in found if entry.name in others]
        waiting += [str(Path(here, name)) for name in reversed(folders) if name not in links]


def files_below(folder: Path) -> Iterator[Path]:
    """Every file, of links that to which they lead; no pipes and devices.

    In no order. Links to folders are not gone into.
    """
    for here, _, names in walk(folder):
        for name in names:
            path = Path(here, name)
            if _is_file(path):
                yield path


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, however deep; nothing where it is gone.

    `shutil.rmtree` descends by recursion and gives up at a thousand folders within each other,
    which take milliseconds to make. Here what is deep is moved up first. Raises OSError.
    """
    if not folder.is_dir():
        return
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        # Who wrote it may have taken its owner's rights away.
        here.chmod(0o700)
        with os.scandir(here) as listed:
            entries = list(listed)
        for entry in entries:
            place = Path(entry.path)
            if not entry.is_dir(follow_symlinks=False):
                place.unlink()
                continue
            if here != folder:
                place.chmod(0o700)
                place = place.rename(folder / uuid.uuid4().hex)
            waiting.append(place)
        if here != folder:
            here.rmdir()
    folder.rmdir()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # The path is too long for the system.
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads to itself.
        return False
