"""Secrets of the node in files of its data folder, made at first use."""

import contextlib
import os
import secrets
from collections.abc import Collection
from pathlib import Path

from storage.core.errors import StorageUnavailable
from storage.volumes.durable_names import make_folder, sync_name
from storage.volumes.files import translated_os_errors

_SECRET_BYTES = 32
_LEAST_BYTES = 16


def load_secret(path: Path, lengths: Collection[int] = ()) -> bytes:
    """A secret of the node, made at first use and readable by its user alone.

    A key that was put there may have any length from 16 bytes, or one of `lengths`, which 32 is
    among. Raises StorageUnavailable, StorageFull.
    """
    with translated_os_errors(path.parent):
        if not path.exists():
            keep_secret(path, secrets.token_bytes(_SECRET_BYTES))
        # What is sealed with it may be on another machine's disk before this name is on ours.
        sync_name(path)
        secret = path.read_bytes()
    if len(secret) < _LEAST_BYTES or (lengths and len(secret) not in lengths):
        wanted = " or ".join(map(str, lengths)) or f"{_LEAST_BYTES} or more"
        raise StorageUnavailable(
            f"The key {path} is damaged: it has {len(secret)} bytes instead of {wanted}.",
            remedy="Copy it back from a backup. Or move it away, and the node makes a new one:"
            " then what the old one sealed has to be entered again; what it signed is unknown.",
        )
    return secret


def keep_secret(path: Path, secret: bytes) -> None:
    """Write it where there is none, readable by the node's user alone from its first byte on.

    Raises OSError.
    """
    make_folder(path.parent)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole and fails when another process was first.
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
