"""On which host a volume lies: each volumes folder has an id, which its volumes' names bear.

Several hosts may share a database while each has a disk of its own (`storage.hosts.repository`). A
volume never changes its host: what is copied elsewhere goes to the bucket, or into another volume.
"""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from storage.volumes.durable_names import sync_name

NAME = "host"
_ID_BYTES = 4
_ID = re.compile(r"[0-9a-f]{8}")
_OF_VOLUME = re.compile(r"[^-]{15}-([0-9a-f]{8})-")
_ids: dict[Path, str] = {}
NAMED_BY_HOST = "_" * 15 + "-" + "_" * 8 + "-%"
"""In SQL's LIKE what names that bear the id of a host look like. Those of earlier versions: not."""


def host_of_volume(name: str) -> str:
    """The id of the host where the volume was begun; empty of one that an earlier version made."""
    found = _OF_VOLUME.match(name)
    return found[1] if found else ""


def host_id(folder: Path) -> str:
    """The id of the volumes folder, which is made at first use. Raises OSError.

    Where its file was lost the newest volume tells it. A process asks once: what it finds later may
    be the empty folder on which a disk was mounted.
    """
    if folder not in _ids:
        _ids[folder] = _stored_id(folder)
    return _ids[folder]


def _stored_id(folder: Path) -> str:
    path = folder / NAME
    known = _read(path)
    if not known:
        with suppress(FileNotFoundError):
            if not _ID.fullmatch(path.read_text("ascii", errors="replace").strip()):
                path.unlink()
        _make(path, _of_newest(folder) or secrets.token_hex(_ID_BYTES))
        known = _read(path)
    return known


def _read(path: Path) -> str:
    try:
        text = path.read_text("ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""
    return text if _ID.fullmatch(text) else ""


def _of_newest(folder: Path) -> str:
    names = sorted((path.name for path in folder.glob("*.mvv")), reverse=True)
    return next((host for name in names if (host := host_of_volume(name))), "")


def _make(path: Path, host: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(f"{host}\n")
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole, and fails where another process was first.
        with suppress(FileExistsError):
            os.link(temporary, path)
        sync_name(path)
    finally:
        temporary.unlink()
