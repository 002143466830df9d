"""Where the archive of a model is unpacked: a folder that goes with the request.

What a process that died left is removed when the next one starts, and its upload may be used again.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import structlog

from storage.core.untrusted_input.folder_walk import remove_tree
from storage.settings import Settings
from storage.uploads.repository import Uploads

log = structlog.get_logger(__name__)

_PREFIX = "model-upload-"
_ID_CHARACTERS = 36
_LOCK = "in-use"


@contextmanager
def upload_folder(settings: Settings, upload_id: str) -> Iterator[Path]:
    """A folder in the data folder, in use as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{upload_id}-", dir=settings.data_dir))
    descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        flock(descriptor, LOCK_EX)
        yield folder
    finally:
        remove_tree(folder)
        os.close(descriptor)


def remove_left_behind(settings: Settings, uploads: Uploads) -> None:
    """Remove the folders that no process uses; other processes of the host may be at work."""
    for folder in settings.data_dir.glob(f"{_PREFIX}*"):
        try:
            # Earlier versions had no file to lock.
            descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError:
            continue
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
            remove_tree(folder)
        except OSError:
            continue
        finally:
            os.close(descriptor)
        upload_id = folder.name.removeprefix(_PREFIX)[:_ID_CHARACTERS]
        uploads.set_state(upload_id, "RECEIVED", only={"ACCEPTED"})
        log.info("model_upload_left_behind", upload_id=upload_id)
