"""Keys made of the one that seals, each for one purpose: none has to be kept or backed up."""

import hashlib
import hmac
from pathlib import Path

from storage.crypto.secret_box import sealing_key


def derived_key(data_dir: Path, purpose: str) -> bytes:
    """32 bytes: the same as long as `sealing.key` is, and unlike those of other purposes.

    Raises StorageUnavailable, StorageFull.
    """
    return hmac.digest(sealing_key(data_dir), f"mediview {purpose}".encode(), hashlib.sha256)
