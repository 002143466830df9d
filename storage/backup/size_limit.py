"""What is larger than anything a backup has is damaged, and is not read."""

from storage.backup.entities import BackupDamaged


def check_size(name: str, place_name: str, size_bytes: int, max_bytes: int) -> None:
    """Raises BackupDamaged before more is read than anything of a backup has."""
    if size_bytes > max_bytes:
        raise BackupDamaged(
            f"{name} in {place_name} is damaged: it has {size_bytes} bytes, and at most"
            f" {max_bytes} were ever written there."
        )
