"""The mark of a restore that has not ended: until then the data folder is nobody's."""

from pathlib import Path

from storage.core.errors import StorageUnavailable

NAME = "restore-unfinished"
NAME_LOST = "(its name is lost)"


def restore_begun(data_dir: Path) -> str:
    """The backup whose restore into this folder has not ended; empty where there is none."""
    path = data_dir / NAME
    if not path.is_file():
        return ""
    # The mark counts, whatever the disk has made of the name in it.
    return path.read_text(encoding="ascii", errors="replace") or NAME_LOST


def check(data_dir: Path) -> None:
    """Raise StorageUnavailable where a restore was cut off."""
    name = restore_begun(data_dir)
    if name:
        raise StorageUnavailable(
            f"The restore of the backup {name} into {data_dir} has not ended.",
            remedy=remedy(data_dir, name),
        )


def remedy(data_dir: Path, name: str) -> str:
    """What to do about a restore of that name that has not ended."""
    if name != NAME_LOST:
        return f"Run 'mediview restore --at {name}' again; it goes on."
    return f"Empty {data_dir} and the database, then run 'mediview restore' again."


def forget_if_nothing_was_restored(data_dir: Path) -> None:
    """Remove a mark without a name in a folder that holds nothing else.

    The name is durable before anything is restored, so the restore was cut off before that.
    Raises OSError.
    """
    path = data_dir / NAME
    if path.is_file() and not path.stat().st_size and list(data_dir.iterdir()) == [path]:
        path.unlink()
