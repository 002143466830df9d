"""When the last backup of this node ended that lacked nothing, for monitors."""

from datetime import datetime
from pathlib import Path

from storage.core.clock import utcnow
from storage.volumes.files import translated_os_errors

_NAME = "last-backup"


def note_backup(data_dir: Path) -> None:
    path = data_dir / _NAME
    with translated_os_errors(data_dir):
        partial = path.with_name(f"{_NAME}.part")
        partial.write_text(utcnow().isoformat(), encoding="ascii")
        partial.replace(path)


def last_backup(data_dir: Path) -> datetime | None:
    """None where there was none, or where the note cannot be read."""
    try:
        return datetime.fromisoformat((data_dir / _NAME).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
