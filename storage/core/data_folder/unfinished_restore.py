"""The mark of a restore that has not ended: until then the data folder is nobody's."""

from pathlib import Path

from storage.core.errors import StorageUnavailable

NAME = "restore-unfinished"


def restore_begun(data_dir: Path) -> str:
    """The backup whose restore into this folder has not ended; empty where there is none."""
    path = data_dir / NAME
    if not path.is_file():
        return ""
    # The mark counts, whatever the disk has made of the name in it.
    return path.read_text(encoding="ascii", errors="replace") or "(its name is lost)"


def check(data_dir: Path) -> None:
    """Raise StorageUnavailable where a restore was cut off."""
    name = restore_begun(data_dir)
    if name:
        raise StorageUnavailable(
            f"The restore of the backup {name} into {data_dir} has not ended.",
            remedy=f"Run 'mediview restore --at {name}' again; it goes on.",
        )
