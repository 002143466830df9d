"""The folder that an export fills: below the export folder, one file an instance."""

import re
from pathlib import Path, PurePosixPath

from storage.core.errors import InvalidRequest
from storage.settings import Settings
from storage.volumes.durable_names import make_folder, write_whole
from storage.volumes.files import translated_os_errors

_PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
_MOST_CHARACTERS = 200


def checked_folder(settings: Settings, folder: str) -> Path:
    """Where it lies. Raises InvalidRequest for a path that leads out of the export folder."""
    root = settings.resolved_export_dir.resolve()
    parts = set(PurePosixPath(folder).parts)
    is_named = len(folder) <= _MOST_CHARACTERS and _PATH.fullmatch(folder)
    # Of what is no name nothing is asked of the system, which takes no NUL.
    path = (root / folder).resolve() if is_named else root
    if {".", ".."} & parts or path == root or not path.is_relative_to(root):
        raise InvalidRequest(
            f"'{folder}' is not a folder below {root}.",
            remedy="Name a path such as stroke-2026/first, of letters, digits, . _ and -.",
        )
    return path


def check_empty(path: Path) -> None:
    """Raises InvalidRequest where it has something that this export did not write."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InvalidRequest(
            f"{path} exists and is not an empty folder.", remedy="Name a new folder."
        )


def write_file(folder: Path, name: str, data: bytes) -> None:
    """Whole or not at all, and durable. Raises StorageFull, StorageUnavailable."""
    path = folder / name
    with translated_os_errors(folder):
        make_folder(path.parent)
        write_whole(path, data, folder)
